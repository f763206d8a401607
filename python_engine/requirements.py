"""What the engine needs of the Python that runs it, and how to get it.

The modules that come before the check of the version, this one, `__init__.py` and `__main__.py`, keep to the syntax of
Python 3.6, so that an old one says what is wrong instead of dying of a syntax error.
"""

import importlib.util
import os
import re
import sys
import sysconfig

PYTHON = (3, 10)
PACKAGES = {"numpy": (1, 24), "msgpack": (1, 2, 1)}  # as in pyproject.toml
OPTIONAL = {"pillow": "PIL", "mpi4py": "mpi4py"}  # packages that may be missing: the module of each


def problems():
    """What this Python lacks, as pairs of the part and what is wrong with it.

    It imports none of the packages: the supervisor, which checks, stays small.
    """
    if sys.version_info < PYTHON:
        yield "Python", f"is older than {_dotted(PYTHON)}"
        return
    for name, least in PACKAGES.items():
        version = installed(name)
        if version is None:
            yield name, "is not installed"
        elif version and version < least:
            yield name, f"{_dotted(version)} is older than {_dotted(least)}"


def lack():
    """What this Python lacks and the command that mends it, in one message; None where nothing is lacking."""
    wrong = [" ".join(problem) for problem in problems()]
    if not wrong:
        return None
    return f"{' and '.join(wrong)} (Python {_dotted(sys.version_info[:3])}, {sys.executable}); mend it with:\n{mend()}"


def mend():
    """The command that gets what is lacking."""
    old = sys.version_info < PYTHON
    clone = _clone()
    if clone:
        return f"make -C '{clone}' setup" + (" PYTHON=/path/to/a/newer/python3" if old else "")
    if old:
        return "export AI_MXNET_PYTHON=/path/to/a/newer/python3"
    packages = " ".join(f"'{name}>={_dotted(least)}'" for name, least in PACKAGES.items())
    if importlib.util.find_spec("pip") and not _externally_managed():
        return f"'{sys.executable}' -m pip install {packages}"
    return (
        f"'{sys.executable}' -m venv ~/.ai-mxnet && ~/.ai-mxnet/bin/pip install {packages} && "
        "export AI_MXNET_PYTHON=~/.ai-mxnet/bin/python"
    )


def installed(name, module=None):
    """The version of a package as a tuple of numbers, () where that is not told, None where it is not installed.

    From the name of its metadata folder: `importlib.metadata` takes as long to load as half of NumPy.
    """
    spec = importlib.util.find_spec(module or name)
    if spec is None or spec.origin is None:
        return None
    for entry in os.listdir(os.path.dirname(os.path.dirname(spec.origin))):
        match = re.match(re.escape(name) + r"-([0-9.]+).*\.(dist|egg)-info$", entry)
        if match:
            return tuple(int(number) for number in match.group(1).strip(".").split("."))
    return ()


def give_way(program):
    """Where this Python lacks something, become the engine's installed program, if there is one."""
    if any(problems()):
        import shutil

        if shutil.which(program):
            os.execvp(program, [program, *sys.argv[1:]])


def describe():
    """What the engine consists of here, and what is wrong with it, as pairs of a key and a value."""
    yield "engine", os.path.dirname(os.path.abspath(__file__))
    yield "python", f"{_dotted(sys.version_info[:3])} {sys.executable}"
    wrong = dict(problems())
    for part, text in wrong.items():
        yield "lack", f"{part} {text}"
    there = [name for name in PACKAGES if name not in wrong and "Python" not in wrong]
    for name in there:
        yield name, _dotted(installed(name)) or "of an unknown version"
    if "numpy" in there:
        import numpy as np

        if "mode" in np.show_config.__code__.co_varnames:  # from NumPy 1.25 on
            config = np.show_config(mode="dicts")
            blas, simd = config["Build Dependencies"]["blas"], config.get("SIMD Extensions", {})
            from .blas import CORE

            yield "blas", f"{blas['name']} {blas['version']} {CORE}".rstrip()
            yield "simd", " ".join(simd.get("baseline", []) + simd.get("found", []))
    for name, module in OPTIONAL.items():
        version = None if "Python" in wrong else installed(name, module)
        if version is not None:
            yield name, _dotted(version) or "of an unknown version"
    if wrong:
        yield "mend", mend()
        return
    from . import session, table

    yield "protocol", session.PROTOCOL
    yield "table", table.digest()


def _dotted(version):
    return ".".join(map(str, version))


def _clone():
    """The clone that this package lies in, if it does and its own Python is to be used."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.exists(os.path.join(root, "tools", "setup")) and "AI_MXNET_PYTHON" not in os.environ:
        return root
    return None


def _externally_managed():
    """True where the distribution reserves this Python's packages to its own tools (PEP 668)."""
    outside = sys.prefix == sys.base_prefix
    return outside and os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))
