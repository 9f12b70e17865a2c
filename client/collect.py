"""Collect the folder for office PCs, build/client/: every wheel that the client needs, ours too, and what installs
and runs it. Run by `make client` on a machine with a network; the folder needs none."""

import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
ROOT = HERE.parent
# What is not pure Python: a wheel for each machine. Elsewhere the client does without .xls and YAML mappings.
BINARY = ("python-calamine==", "pyyaml==")
MACHINES = {"win_amd64": "AMD64", "manylinux2014_x86_64": "x86_64", "manylinux2014_aarch64": "aarch64"}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
NOT_OURS = shutil.ignore_patterns(".*", "build", "var", "tests", "docs", "*.db*", "__pycache__", "*.egg-info")
FILES = {
    "import.bat": "导入.bat",
    "import.sh": "导入.sh",
    "install.py": "install.py",
    "readme.txt": "readme.txt",
}


def main(folder: Path = ROOT / "build" / "client") -> None:
    shutil.rmtree(folder, ignore_errors=True)
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    pins = (ROOT / "requirements" / "client.txt").read_text(encoding="utf-8")
    pins = re.sub(r" ; [^\\\n]+", "", pins)  # markers ask about this machine, the folder is for others
    of_each = re.split(r"^(?=[a-z])", pins, flags=re.M)
    binary = "".join(pin for pin in of_each if pin.startswith(BINARY))
    _download("".join(pin for pin in of_each if not pin.startswith(BINARY)), wheels, "--platform", "any")
    for platform in MACHINES:
        for python in PYTHONS:
            _download(binary, wheels, "--platform", platform, "--python-version", python)
    with TemporaryDirectory() as clean:  # setuptools would take in what an earlier build left here
        shutil.copytree(ROOT, clean, ignore=NOT_OURS, dirs_exist_ok=True)
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, clean)
    (folder / "requirements.txt").write_text(_requirements(wheels), encoding="utf-8", newline="\n")
    for name, there in FILES.items():
        shutil.copy(HERE / name, folder / there)
    print(folder)


def _download(pins: str, wheels: Path, *which: str) -> None:
    asked = wheels / "asked.txt"
    asked.write_text(pins, encoding="utf-8")
    only = ("--no-deps", "--only-binary", ":all:", "--require-hashes")
    _pip("download", *only, *which, "--dest", wheels, "--requirement", asked)
    asked.unlink()


def _pip(*arguments: str | Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *arguments], check=True)


def _requirements(wheels: Path) -> str:
    """Every wheel of the folder, by name, version and hash."""
    hashes: dict[str, list[str]] = {}
    for wheel in sorted(wheels.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        hashes.setdefault(f"{name}=={version}", []).append(sha256(wheel.read_bytes()).hexdigest())
    known = " or ".join(f"platform_machine == '{machine}'" for machine in MACHINES.values())
    where = f" ; ({known}) and python_version < '3.15'"
    return "".join(
        f"{pin}{where if pin.replace('_', '-').startswith(BINARY) else ''} {' '.join(f'--hash=sha256:{h}' for h in of_pin)}\n"
        for pin, of_pin in hashes.items()
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
