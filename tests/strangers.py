"""A folder full of files with names that programs look for, which tell when one of them is run."""

MODULES = "sitecustomize usercustomize numpy msgpack select socket signal struct json ctypes runpy"
PACKAGES = "python_engine numpy encodings"


def settle(folder):
    """Put them there; the path of a file that exists as soon as one was run."""
    told = folder / "told"
    for path in [folder / f"{name}.py" for name in MODULES.split()] + [
        folder / f"{name}/__init__.py" for name in PACKAGES.split()
    ]:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"open({str(told)!r}, 'a').write(__name__ + ' ')\n")
    for name in ("ai-mxnet-engine", "python3", "python"):
        (folder / name).write_text(f"#!/bin/sh\necho {name} >>'{told}'\n")
        (folder / name).chmod(0o755)
    (folder / "AI" / "MXNet").mkdir(parents=True)
    (folder / "AI" / "MXNet" / "Error.pm").write_text(f"open my $told, '>', '{told}'; die;\n")
    return told
