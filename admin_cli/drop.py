"""What 导入.bat and 导入.sh run: the files that were dragged onto them are planned, shown, asked about, imported."""

import os
import re
import sys

import click

from admin_cli.main import REFUSED, run
from admin_cli.output import readable_everywhere, remark

DATUMS = {"1": "gcj02", "2": "bd09", "3": "wgs84", "": ""}


def dropped(command_line: str) -> list[str]:
    """The files in the line that cmd.exe was started with: `cmd.exe /c ""C:\\…\\导入.bat" "C:\\a b.xlsx" C:\\a&b.xlsx"`.

    Windows puts quotes round a path only when it holds a blank, so cmd.exe takes the & of another for the end
    of the command, and what the batch file has as %1 cannot be trusted.
    """
    rest = re.split(r'\.bat"', command_line, maxsplit=1, flags=re.IGNORECASE)[1:]
    line = rest[0].strip().removesuffix('"') if rest else ""
    return [quoted or bare for quoted, bare in re.findall(r'"([^"]+)"|([^\s"]+)', line)]


def _ask_for_file() -> list[str]:
    answer = click.prompt("把要导入的表格拖到这里，再按回车", err=True)
    return [answer.strip().strip("\"'")]


def main() -> None:
    readable_everywhere()
    worst = 0
    try:
        files = dropped(os.environ.get("SERVICEMAP_DROPPED", "")) or sys.argv[1:] or _ask_for_file()
        datum = click.prompt(
            "经纬度取自哪里：1 高德、腾讯、微信；2 百度；3 天地图、GPS。表里写明了，或没有经纬度，就直接按回车",
            type=click.Choice(list(DATUMS)),
            default="",
            show_choices=False,
            show_default=False,
            err=True,
        )
    except click.Abort:
        remark("已中断")
        sys.exit(REFUSED)
    for file in files:
        remark(f"\n{file}")
        datums = ["--datum", DATUMS[datum]] if datum else []
        try:
            run(["facility", "import", "--ask", *datums, "--", file])
        except SystemExit as ended:
            worst = max(worst, int(ended.code or 0))
    sys.exit(worst)


if __name__ == "__main__":
    main()
