"""The command group, and errors turned into words and exit codes, once."""

import sys
from typing import Any

import click

from admin_cli.output import readable_everywhere, remark
from servicemap.errors import RegistryError, UnavailableError

DONE, REFUSED, USAGE, FINDINGS, TRY_LATER = 0, 1, 2, 3, 75

EXIT_CODES = "退出码 exit codes: 0 完成 done, 1 拒绝且什么都没改 refused, 2 用法不对 usage, 3 完成但有要看的 findings, 75 稍后再试 try later"

NOUNS = {
    "audit": "变更链 the chain of changes",
    "coverage": "覆盖率 coverage of the targets",
    "db": "数据库 the database",
    "denominator": "分母名录 lists that shares are measured against",
    "division": "行政区划 divisions",
    "doctor": "体检 check the data",
    "dump": "离线包 files for offline use",
    "facility": "服务点 facilities",
    "feedback": "反馈 what families say is wrong",
    "login": "登录服务器 log in to a server",
    "logout": "退出登录 log out",
    "import": "导入过的文件 imports",
    "indicator": "指标 indicators",
    "reported": "填报值 what departments and counties report",
    "review": "审核 reviews of what was entered",
    "seed": "基础数据和示例 reference data and demo",
    "serve": "启动服务 serve the API",
    "snapshot": "监测快照 frozen periods and publication",
    "submission": "报送材料 plans and yearly reports",
    "title": "称号 titles",
    "todo": "要做的 what to do next",
    "token": "令牌 tokens",
}

WHERE = {
    "coverage": "coverage_output",
    "logout": "login",
    "facility": "facility_bulk",
    "import": "import_",
    "reported": "reported_check",
}  # modules that are not called like their noun


class Admin(click.Group):
    """Loads a noun's commands when they are asked for: help must not wait for the web framework."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(NOUNS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in NOUNS:
            return None
        from importlib import import_module

        module = import_module(f"admin_cli.{WHERE.get(name, name)}")
        command: click.Command = module.logout if name == "logout" else module.group
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("命令 Commands"):
            formatter.write_dl(sorted(NOUNS.items()))


@click.command(
    cls=Admin,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="servicemap")
@click.option(
    "--server",
    envvar="SERVICEMAP_SERVER",
    help="在哪台服务器上做，例如 https://map.example.gov.cn；local 为本机 which server",
)
@click.option(
    "--as", "as_label", metavar="LABEL", help="在本机，只用这个岗位的权限 with this token's rights only"
)
def cli(server: str | None, as_label: str | None) -> None:
    """儿童服务地图：登记册的维护与报告。The registry's maintenance and reports.

    在服务器上：数据库由 SERVICEMAP_DATABASE_URL 指定，默认 sqlite:///servicemap.db。
    在别的电脑上：先 servicemap-admin login，同样的命令就在服务器上做。
    """


def run(arguments: list[str] | None = None) -> None:
    """The console script."""
    readable_everywhere()
    try:
        result: Any = cli.main(arguments, standalone_mode=False)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        remark(f"用法不对 wrong usage: {error.format_message()}")
        if context is not None:
            remark(f"看用法 see: {context.command_path} --help")
        sys.exit(error.exit_code)
    except click.Abort:
        remark("已中断")
        sys.exit(REFUSED)
    except RegistryError as error:
        sys.exit(tell(error))
    except BrokenPipeError:
        sys.exit(DONE)
    except ModuleNotFoundError as error:
        remark(
            f"这里只装了客户端（没有 {error.name}）：请先 servicemap-admin login 登录服务器，"
            "或在服务器上用这个命令 [client_only]"
        )
        sys.exit(REFUSED)
    except Exception:
        from admin_cli.client import record_fault

        remark(f"程序出了意外，经过已记在 {record_fault()}；请把它交给管理员 [internal]")
        sys.exit(REFUSED)
    sys.exit(result if isinstance(result, int) else DONE)


def tell(error: RegistryError) -> int:
    """Say what is wrong on stderr; the exit code for it."""
    remark(f"{error.detail} [{error.code}]")
    problems = [*map(str, error.problems), *map(_line, getattr(error, "errors", []))]
    for line in problems:
        remark(f"  {line}")
    later = isinstance(error, UnavailableError) or getattr(error, "status", 0) == 503
    return TRY_LATER if later else REFUSED


def _line(problem: dict[str, Any]) -> str:
    where = f"第 {problem['row']} 行 " if "row" in problem else ""
    where += problem.get("column") or problem.get("field") or ""
    cure = f"；{problem['cure']}" if "cure" in problem else ""
    return f"{where.strip()}: {problem['detail']}{cure} [{problem['code']}]"


if __name__ == "__main__":
    run()
