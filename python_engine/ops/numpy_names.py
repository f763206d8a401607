"""Names under which NumPy's set has operators of 1.x that mean the same there."""

from ..registry import also

_NPI = """
abs:absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil cos cosh degrees exp expm1 fix floor log log10 log1p
log2 negative radians reciprocal rint sign sin sinh sqrt square tan tanh trunc clip Cast:cast
_maximum_scalar:maximum_scalar _minimum_scalar:minimum_scalar broadcast_maximum:maximum broadcast_minimum:minimum
_hypot_scalar:hypot_scalar argsort sort take tile expand_dims gather_nd slice _slice_assign:slice_assign
_slice_assign_scalar:slice_assign_scalar _split_v2:split SwapAxis:swapaxes _contrib_boolean_mask:boolean_mask
_linalg_det:det _linalg_inverse:inv _linalg_slogdet:slogdet _linspace:linspace
_random_randint:random_randint _shuffle:shuffle _histogram:histogram
_rnn_param_concat:rnn_param_concat _copyto:copyto _scatter_set_nd:scatter_set_nd _cvimresize:cvimresize
_cvimread:cvimread _cvimdecode:cvimdecode
_plus_scalar:add_scalar _minus_scalar:subtract_scalar _rminus_scalar:rsubtract_scalar _mul_scalar:multiply_scalar
_mod_scalar:mod_scalar _rmod_scalar:rmod_scalar _power_scalar:power_scalar _rpower_scalar:rpower_scalar
"""

_NPX = """
Activation:activation BatchNorm:batch_norm Cast:cast Convolution:convolution Deconvolution:deconvolution Dropout:dropout
Embedding:embedding Flatten:batch_flatten FullyConnected:fully_connected LayerNorm:layer_norm LeakyReLU:leaky_relu
Pooling:pooling RNN:rnn ROIPooling:roi_pooling SequenceMask:sequence_mask _contrib_MultiBoxDetection:multibox_detection
_contrib_MultiBoxPrior:multibox_prior _contrib_MultiBoxTarget:multibox_target _contrib_arange_like:arange_like batch_dot
erf erfinv gamma gammaln gather_nd log_softmax one_hot pick relu reshape_like shape_array sigmoid slice smooth_l1
softmax topk
_image_adjust_lighting _image_crop _image_flip_left_right _image_flip_top_bottom _image_normalize
_image_random_brightness _image_random_color_jitter _image_random_contrast _image_random_flip_left_right
_image_random_flip_top_bottom _image_random_hue _image_random_lighting _image_random_saturation _image_resize
_image_to_tensor
"""

_NP = "_copy:copy cumsum repeat transpose"


def _declare(prefix, words):
    for word in words.split():
        name, _, short = word.partition(":")
        also(name, prefix + (short or name))


_declare("_npi_", _NPI)
_declare("_npx_", _NPX)
_declare("_np_", _NP)
also("abs", "_npi_abs")
