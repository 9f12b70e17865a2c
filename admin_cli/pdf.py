"""A page as a PDF, printed by the browser that is on the computer: it has the fonts, and lays out as it prints."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from servicemap.errors import InvalidError, UnavailableError

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "msedge",
    "chrome",
)
ON_WINDOWS = (
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
SECONDS = 120
PRINTED_AT = re.compile(
    rb"(?<=Date )\(D:[0-9]{14}"
)  # CreationDate and ModDate; of the same length, so no offset moves


def browser() -> str:
    """Where one is: SERVICEMAP_BROWSER, else the first of those that are known."""
    named = (os.environ.get("SERVICEMAP_BROWSER"), *(shutil.which(name) for name in BROWSERS), *ON_WINDOWS)
    for path in named:
        if path and Path(path).is_file():
            return path
    raise UnavailableError(
        "这台电脑上没有找到 Chromium、Chrome 或 Edge；请先写成 .html，用浏览器打开后打印成 PDF", "no_browser"
    )


def print_pdf(html: str, path: Path, on: str) -> None:
    """Write the page there, dated to the day that it is about (YYYY-MM-DD) and not to the second of its printing: the same
    page gives the same bytes by the same browser. InvalidError where nothing can be written, UnavailableError where no browser does it."""
    with TemporaryDirectory(prefix="servicemap-", ignore_cleanup_errors=True) as folder:
        page, printed = Path(folder, "report.html"), Path(folder, "report.pdf")
        page.write_text(html, encoding="utf-8")
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # root may not use it
        flags = (
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--no-pdf-header-footer",
        )
        said = [
            browser(),
            *flags,
            *root,
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={printed}",
            page.as_uri(),
        ]
        try:
            subprocess.run(said, capture_output=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise UnavailableError("浏览器两分钟没有打印完；请先写成 .html，自己打印", "no_browser") from None
        if not printed.exists():
            raise UnavailableError("浏览器没有打印成；请先写成 .html，自己打印", "no_browser")
        try:
            path.write_bytes(PRINTED_AT.sub(f"(D:{on.replace('-', '')}000000".encode(), printed.read_bytes()))
        except OSError as error:
            raise InvalidError(
                f"写不了 {path}（{error.strerror}）；请换一个文件夹", "unwritable_file"
            ) from None
