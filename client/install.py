"""Install the client into .venv beside this file: no network, no administrator. An old Python can read this file."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    if sys.version_info < (3, 11):
        sys.exit("需要 Python 3.11 以上，这里是 %d.%d；怎样得到见 readme.txt" % sys.version_info[:2])
    print("第一次使用：正在安装，约一分钟……", flush=True)
    python = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--isolated", "install"]
    source = [
        "--no-index",
        "--find-links",
        "wheels",
        "--no-deps",
        "--require-hashes",
        "-r",
        "requirements.txt",
    ]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([*pip, *source], check=True, cwd=HERE)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit("没有装成（%s）；请检查这个文件夹能不能写、Python 有没有 venv 和 pip，见 readme.txt" % error)
    (VENV / "installed").touch()
    print("装好了：%s" % VENV)


if __name__ == "__main__":
    main()
