"""Both halves install outside the clone, each alone and without a network, and a broken set-up is told in one message.

Real virtual environments, prefixes and tarballs in temporary folders; what is slow is made once and shared.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest
from strangers import settle

from python_engine import requirements

ROOT = Path(__file__).resolve().parent.parent
PERL = shutil.which("perl")

# Nothing that the one who runs the tests has set shall choose an interpreter, a prefix or a registry.
OWN = re.compile("(PIP|PYTHON|PERL|AI_MXNET|MAKE|MFLAGS|VIRTUAL_ENV)")
CLEAN = {name: value for name, value in os.environ.items() if not OWN.match(name)}
OFFLINE = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_NO_COMPILE": "1"}

SCRIPT = """
use AI::MXNet qw(mx nd);
my $x = nd->array([[1, 2], [3, 4]]);
$x->attach_grad;
my $y;
mx->autograd->record(sub { $y = 2 * $x * $x });
$y->backward;
print "@{ $x->grad->aspdl->unpdl->[1] }\\n";
my $info = mx->engine->info;
print "$info->{$_}\\n" for qw(from package executable);
"""


def run(*words, env=None, **options):
    """The finished process; its output is text."""
    return subprocess.run(words, env=env or CLEAN, capture_output=True, text=True, timeout=300, **options)


def succeed(*words, **options):
    """The standard output of a command that must succeed."""
    done = run(*words, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def environment(folder):
    """A virtual environment without any package; the path of its interpreter."""
    succeed(sys.executable, "-m", "venv", "--without-pip", folder)
    return folder / "bin" / "python3"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of what an installation starts from, so that building leaves nothing in the clone itself."""
    folder = tmp_path_factory.mktemp("clone")
    leave = shutil.ignore_patterns(
        "__pycache__", "blib", "Makefile", "MYMETA.*", "pm_to_blib", "AI-MXNet-*", "MANIFEST"
    )
    for name in ("python_engine", "protocol", "perl_bindings", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def tarball(clone):
    """What `make dist` makes."""
    succeed(PERL, "Makefile.PL", cwd=clone / "perl_bindings")
    succeed("make", "dist", cwd=clone / "perl_bindings")
    (path,) = (clone / "perl_bindings").glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def prefix(tarball, tmp_path_factory):
    """The folder for PERL5LIB after the tarball, and nothing else, was installed under a prefix."""
    folder = tmp_path_factory.mktemp("prefix")
    succeed("tar", "xzf", tarball, cwd=folder)
    (unpacked,) = folder.iterdir()
    output = succeed(PERL, "Makefile.PL", f"INSTALL_BASE={folder}", cwd=unpacked)
    assert "Looks good" in output  # the files are those of the MANIFEST
    succeed("make", env={**CLEAN, "AI_MXNET_PYTHON": sys.executable}, cwd=unpacked)
    succeed("make", "install", cwd=unpacked)
    shutil.rmtree(unpacked)
    return folder / "lib" / "perl5"


@pytest.fixture(scope="module")
def wheels(clone, tmp_path_factory):
    """The folder that docs/install.md has one carry to a machine without a network."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = (sys.executable, "-m", "pip")
    done = run(*pip, "wheel", "--quiet", "--wheel-dir", folder, clone, env=dict(os.environ))
    if done.returncode:
        probe = run(*pip, "download", "--quiet", "--no-deps", "--dest", folder, "msgpack", env=dict(os.environ))
        if probe.returncode:
            pytest.skip(f"no registry of Python packages can be reached: {probe.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def engine(wheels, tmp_path_factory):
    """The bin folder of a virtual environment with the engine, installed from the wheels alone."""
    python = environment(tmp_path_factory.mktemp("engine"))
    install = ("install", "--quiet", "--find-links", wheels, "ai-mxnet-engine")
    succeed(sys.executable, "-m", "pip", "--python", python, *install, env={**CLEAN, **OFFLINE})
    return python.parent


def perl(library, folder, **variables):
    """Run the script outside the clone, with the modules in `library`; None unsets a variable."""
    env = {**CLEAN, "PERL5LIB": str(library), **{name: str(value) for name, value in variables.items()}}
    return run(PERL, "-e", SCRIPT, env=env, cwd=folder)


def answer(done):
    """What the script printed of the engine: where it came from, its package, its interpreter."""
    assert done.returncode == 0, done.stderr
    gradient, origin, package, executable = done.stdout.splitlines()
    assert gradient == "12 16"
    return origin, package, executable


def test_the_wheels_alone_install_the_engine_and_its_command(engine, tmp_path):
    about = dict(
        line.split(" ", 1) for line in succeed(engine / "ai-mxnet-engine", "--about", cwd=tmp_path).splitlines()
    )
    assert Path(about["engine"]).is_relative_to(engine.parent)
    assert about["python"].endswith(str(engine / "python3")) or about["python"].endswith(str(engine / "python"))
    assert re.fullmatch("[0-9a-f]{64}", about["table"])


def test_one_tarball_carries_modules_table_and_engine(tarball):
    with tarfile.open(tarball) as archive:
        names = {re.sub("^[^/]+/", "", name) for name in archive.getnames()}
    modules = {str(path.relative_to(ROOT / "perl_bindings")) for path in (ROOT / "perl_bindings" / "lib").rglob("*.pm")}
    package = {f"share/{path.relative_to(ROOT)}" for path in (ROOT / "python_engine").rglob("*.py")}
    assert modules | package <= names
    tables = {f"share/protocol/{name}.msgpack" for name in ("operators", "operators_help")}
    assert {"Makefile.PL", "META.json", "share/LICENSE"} | tables <= names
    assert not [name for name in names if "__pycache__" in name or "blib" in name]


def test_a_script_outside_the_clone_runs_on_the_engine_among_the_modules(prefix, tmp_path):
    origin, package, executable = answer(perl(prefix, tmp_path, AI_MXNET_PYTHON=sys.executable))
    assert origin == f"the Perl modules in {prefix}/AI/MXNet"
    assert (package, executable) == (f"{prefix}/AI/MXNet/python_engine", sys.executable)


def test_without_a_named_python_it_is_python3_of_the_path(prefix, tmp_path):
    path = f"{Path(sys.executable).parent}:{CLEAN['PATH']}"
    origin, _, executable = answer(perl(prefix, tmp_path, PATH=path))
    assert origin.startswith("the Perl modules")
    assert Path(executable).parent == Path(sys.executable).parent


@pytest.mark.parametrize("name", ["operators.msgpack", "operators_help.msgpack"])
def test_the_tables_are_installed_beside_the_modules(prefix, name):
    assert (prefix / "AI/MXNet" / name).read_bytes() == (ROOT / "protocol" / name).read_bytes()


def test_the_engine_is_installed_compiled_for_users_who_may_not_write_there(prefix):
    compiled = {path.name.split(".")[0] for path in (prefix / "AI/MXNet/python_engine/__pycache__").iterdir()}
    assert compiled == {path.stem for path in (ROOT / "python_engine").glob("*.py")}


def test_modules_staged_by_destdir_run_where_they_lie(clone, tarball, tmp_path):
    succeed("make", "install", f"DESTDIR={tmp_path}", cwd=clone / "perl_bindings")
    (umbrella,) = tmp_path.rglob("AI/MXNet.pm")
    origin, _, _ = answer(perl(umbrella.parent.parent, tmp_path, AI_MXNET_PYTHON=sys.executable))
    assert origin == f"the Perl modules in {umbrella.parent}/MXNet"


def test_the_installed_program_takes_over_where_python3_lacks_packages(prefix, engine, tmp_path):
    bare = environment(tmp_path / "bare").parent
    origin, package, executable = answer(perl(prefix, tmp_path, PATH=f"{bare}:{engine}:{CLEAN['PATH']}"))
    assert origin == "the installed program ai-mxnet-engine"
    assert Path(package).is_relative_to(engine.parent)
    assert Path(executable).parent == engine


def test_the_installed_program_takes_over_where_there_is_no_python3(prefix, engine, tmp_path):
    (tmp_path / "ai-mxnet-engine").symlink_to(engine / "ai-mxnet-engine")
    origin, _, _ = answer(perl(prefix, tmp_path, PATH=tmp_path))
    assert origin == "the installed program ai-mxnet-engine"


def test_the_variable_names_a_command_before_all_others(prefix, engine, tmp_path):
    origin, package, _ = answer(perl(prefix, tmp_path, AI_MXNET_ENGINE=engine / "ai-mxnet-engine"))
    assert origin == "the environment variable AI_MXNET_ENGINE"
    assert Path(package).is_relative_to(engine.parent)


def test_the_clone_comes_before_what_is_installed(clone, engine, tmp_path):
    done = perl(clone / "perl_bindings/lib", tmp_path, PATH=f"{engine}:{CLEAN['PATH']}")
    assert answer(done)[:2] == (f"the clone {clone}", f"{clone}/python_engine")


def test_nothing_in_the_current_directory_is_run(prefix, engine, tmp_path):
    told = settle(tmp_path)
    answer(perl(prefix, tmp_path, AI_MXNET_PYTHON=sys.executable))
    bare = environment(tmp_path / "bare").parent
    assert answer(perl(prefix, tmp_path, PATH=f"{bare}:{engine}:{CLEAN['PATH']}"))[0].startswith(
        "the installed program"
    )
    assert not told.exists(), told.read_text()


# -- broken set-ups --------------------------------------------------------------------------------------------------


def complaint(done):
    """The one message of a script whose engine cannot start."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.startswith("The engine (")
    assert done.stderr.count("did not start") == 1
    assert "Traceback" not in done.stderr
    assert "perl -MAI::MXNet::Doctor -e check" in done.stderr
    return done.stderr


def remedy(text):
    """The command in a message."""
    return re.search(r"mend it with:\n(.+)", text).group(1)


def test_the_command_of_the_message_mends_a_python_without_packages(prefix, wheels, tmp_path):
    succeed(sys.executable, "-m", "venv", tmp_path / "bare")
    python = tmp_path / "bare/bin/python"
    text = complaint(perl(prefix, tmp_path, AI_MXNET_PYTHON=python))
    assert f"numpy is not installed and msgpack is not installed (Python {sys.version.split()[0]}, {python})" in text
    succeed("sh", "-c", remedy(text), env={**CLEAN, **OFFLINE, "PIP_FIND_LINKS": str(wheels)})
    assert answer(perl(prefix, tmp_path, AI_MXNET_PYTHON=python))[2] == str(python)


def test_the_packages_of_the_distributions_own_python_are_left_alone(tmp_path):
    source = (
        "import sys, sysconfig; sysconfig.get_path = lambda name: sys.argv[1]; "
        "from python_engine import requirements; requirements._clone = lambda: None; print(requirements.mend())"
    )
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    own = f"{sys.base_prefix}/bin/python3"
    assert "-m venv ~/.ai-mxnet && ~/.ai-mxnet/bin/pip install" in succeed(own, "-c", source, tmp_path, cwd=ROOT)
    assert f"'{sys.executable}' -m pip" in succeed(sys.executable, "-c", source, tmp_path, cwd=ROOT), (
        "not in an environment"
    )


@pytest.mark.parametrize("name, version", [("numpy", "1.19.5"), ("msgpack", "0.6.2")])
def test_a_package_that_is_too_old_is_named(prefix, tmp_path, name, version):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("raise ImportError('the check comes first')\n")
    (tmp_path / f"{name}-{version}.dist-info").mkdir()
    text = complaint(perl(prefix, tmp_path, AI_MXNET_PYTHON=sys.executable, PYTHONPATH=tmp_path))
    assert f"did not start: {name} {version} is older than" in text
    assert f"'{name}>=" in remedy(text)


def old_pythons():
    """Versions and interpreters that are too old: one that only says so, and the real ones that there are."""
    names = {f"3.{minor}.": shutil.which(f"python3.{minor}") for minor in range(6, 10)}
    real = [(version, name) for version, name in names.items() if name and run(name, "-c", "").returncode == 0]
    return [("3.8.18", None), *real]


@pytest.mark.parametrize("version, python", old_pythons())
def test_a_python_that_is_too_old_is_named(prefix, tmp_path, version, python):
    if python is None:
        python = tmp_path / "python3"
        older = f"import sys; sys.version_info = ({version.replace('.', ', ')})"
        python.write_text(f'#!/bin/sh\nstart=$2; shift 2; exec {sys.executable} -c "{older}; $start" "$@"\n')
        python.chmod(0o755)
    text = complaint(perl(prefix, tmp_path, AI_MXNET_PYTHON=python))
    assert f"Python is older than 3.10 (Python {version}" in text
    assert remedy(text).startswith("export AI_MXNET_PYTHON=")


def test_what_runs_before_the_check_of_the_version_can_be_read_by_old_pythons():
    for name in ("__init__.py", "__main__.py", "requirements.py"):
        ast.parse((ROOT / "python_engine" / name).read_text(), feature_version=(3, 6))


def test_a_machine_without_python_is_told_what_to_install(prefix, tmp_path):
    text = complaint(perl(prefix, tmp_path, PATH=tmp_path))
    assert "cannot run python3: No such file or directory" in text
    assert remedy(text) == "apt-get install python3 python3-venv"


@pytest.mark.parametrize("variable", ["AI_MXNET_ENGINE", "AI_MXNET_PYTHON"])
def test_a_variable_that_names_nothing_is_told(prefix, tmp_path, variable):
    text = complaint(perl(prefix, tmp_path, **{variable: tmp_path / "none"}))
    assert f"cannot run {tmp_path}/none: No such file or directory" in text
    assert remedy(text) == f"unset {variable}"


def test_in_a_clone_the_command_is_make_setup(clone, tmp_path):
    python = environment(tmp_path / "bare")
    text = complaint(perl(clone / "perl_bindings/lib", tmp_path, PATH=python.parent))
    assert remedy(text) == f"make -C '{clone}' setup"


def test_the_setup_leaves_alone_what_a_link_leads_to(tmp_path):
    for folder in ("tools", "theirs"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "tools/setup", tmp_path / "tools")
    (tmp_path / "theirs/bin").mkdir()
    (tmp_path / ".venv").symlink_to("theirs")
    done = run(tmp_path / "tools/setup")
    assert done.returncode == 1
    assert "setup: .venv is a link to theirs, and what it leads to is left alone" in done.stderr
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["bin"]


@pytest.mark.skipif(PERL != "/usr/bin/perl" or not shutil.which("apt-get"), reason="needs Debian and its Perl")
def test_the_setup_without_root_prints_the_one_command_that_is_missing():
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder)
        clone.chmod(0o755)
        for path, text in {
            "tools/setup": (ROOT / "tools/setup").read_text(),
            "lib/File/Map.pm": 'die "Can\'t locate File/Map.pm in \\@INC";',
            "lib/Mouse.pm": 'die "Can\'t locate Mouse.pm in \\@INC";',
        }.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_text(text)
        user = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        done = run("sh", clone / "tools/setup", env={"PATH": "/usr/bin:/bin", "PERL5LIB": f"{clone}/lib"}, **user)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("sudo apt-get install --no-install-recommends ")
    assert {"libfile-map-perl", "libmouse-perl"} <= set(done.stderr.splitlines()[-1].split())


# -- one list of needs -----------------------------------------------------------------------------------------------


def test_the_check_asks_for_the_versions_that_pip_installs():
    dependencies = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S).group(1)
    wanted = dict(re.findall(r'"([a-z]+)>=([0-9.]+)"', dependencies))
    assert wanted == {name: ".".join(map(str, least)) for name, least in requirements.PACKAGES.items()}
    python = re.search(r'^requires-python = ">=([0-9.]+)"', (ROOT / "pyproject.toml").read_text(), re.M).group(1)
    assert python == ".".join(map(str, requirements.PYTHON))


def test_the_setup_installs_what_the_doctor_looks_for():
    print_needs = 'print join(" ", @$_[0, 1, 2]), "\\n" for @AI::MXNet::Doctor::NEEDED'
    needs = succeed(PERL, f"-I{ROOT}/perl_bindings/lib", "-MAI::MXNet::Doctor", "-e", print_needs).splitlines()
    rows = re.search(r"^perl_modules='\n(.*?)'$", (ROOT / "tools/setup").read_text(), re.M | re.S).group(1).splitlines()
    assert needs
    assert {need.replace(" 0 ", " - ") for need in needs} <= set(rows)
