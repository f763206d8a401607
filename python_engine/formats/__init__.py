"""Files of MXNet and its neighbours, read and written byte for byte; each module is one format."""
