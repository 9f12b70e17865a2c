"""Headings to fields: which column of a file feeds which field, by its heading or by a mapping file.

Pure; the client runs it. Values stay text: the server validates them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from servicemap.errors import InvalidError
from servicemap.imports.grid import LAT, LNG, Sheet, SheetRow, heading_text


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the registry, its heading in our exports, and what other files call it."""

    name: str
    heading: str
    aliases: tuple[str, ...] = ()


def _field(name: str, heading: str, aliases: str = "") -> Field:
    return Field(name, heading, tuple(aliases.split()))


# The order is the export's. 手机 is no alias of phone: it is often a person's own number.
FIELDS: tuple[Field, ...] = (
    _field("code", "编号", "服务点编号 设施编号 公开编号"),
    _field("source", "来源", "数据来源 信息来源"),
    _field("external_id", "外部编号", "外部ID 原编号 原系统编号 来源编号 机构编号"),
    _field(
        "name",
        "名称",
        "机构名称 服务点名称 单位名称 设施名称 场所名称 场地名称 站点名称 点位名称 阵地名称 中心名称 学校名称 基地名称"
        " 园所名称 幼儿园名称 公园名称 托育机构名称 儿童之家名称 家长学校名称 机构全称 单位全称 全称",
    ),
    _field(
        "type",
        "类型",
        "类别 服务类型 服务类别 服务点类型 服务点类别 设施类型 设施类别 机构类型 机构类别 场所类型 场所类别"
        " 阵地类型 阵地类别 挂牌类型",
    ),
    _field(
        "division",
        "区划代码",
        "行政区划代码 行政区划编码 行政区代码 区划编码 统计区划代码 统计用区划代码 所属区划代码 所在区划代码 村(居)代码"
        " 村居代码 居(村)代码 社区代码 社区(村)代码 村(社区)代码 村社区代码 division_code",
    ),
    _field(
        "address",
        "地址",
        "详细地址 具体地址 机构地址 单位地址 设施地址 场所地址 服务点地址 服务地址 办公地址 经营地址 联系地址 通讯地址"
        " 所在地址 所在地 地点 详细地点",
    ),
    _field("lng", "经度", "东经 经度坐标 地图经度 longitude lon long"),
    _field("lat", "纬度", "北纬 纬度坐标 地图纬度 latitude"),
    _field("datum", "坐标系", "坐标系统 坐标系类型 坐标类型 坐标基准"),
    _field("position_precision", "位置精度", "定位精度 坐标精度"),
    _field("position_source", "位置来源", "坐标来源 定位来源"),
    _field(
        "phone",
        "电话",
        "联系电话 服务电话 咨询电话 办公电话 固定电话 座机 电话号码 联系方式 热线 tel telephone",
    ),
    _field("phone_public", "电话公开", "电话是否公开 公开电话"),
    _field("credit_code", "统一社会信用代码", "信用代码 社会信用代码 统一信用代码"),
    _field(
        "hours",
        "开放时间",
        "开放时段 服务时间 服务时段 营业时间 工作时间 办公时间 开馆时间 开园时间 opening_hours",
    ),
    _field("accessible", "无障碍", "无障碍设施 是否无障碍 无障碍情况"),
    _field("visibility", "公开方式", "公开范围 公开类型"),
    _field("delivery", "服务方式", "服务提供方式 提供方式"),
    _field("note", "说明", "服务说明 对外说明"),
    _field(
        "opened_on",
        "设立日期",
        "设立时间 挂牌日期 挂牌时间 成立日期 成立时间 建立日期 建立时间 建成日期 建成时间 启用日期 启用时间 开业日期"
        " 开业时间 开办日期 开办时间",
    ),
    _field(
        "closed_on", "关闭日期", "关闭时间 关停日期 停办日期 停用日期 撤销日期 撤牌日期 摘牌日期 注销日期"
    ),
    _field("closed_reason", "关闭原因", "关停原因 停办原因 停用原因 撤销原因 撤牌原因 摘牌原因 注销原因"),
    _field("age_from_months", "最小月龄", "最低月龄 起始月龄 月龄下限 收托最小月龄 最小收托月龄"),
    _field("age_to_months", "最大月龄", "最高月龄 截止月龄 月龄上限 收托最大月龄 最大收托月龄"),
    _field("fee", "收费", "收费类型 收费方式 收费情况"),
    _field("fee_text", "收费说明", "收费标准 收费详情 收费备注 费用说明 价格说明"),
    _field(
        "places_registered",
        "备案托位",
        "备案托位数 备案托位总数 登记托位 登记托位数 核定托位 核定托位数 批准托位数 托位 托位数 托位总数",
    ),
    _field(
        "places_offered",
        "实际托位",
        "实际托位数 实有托位 实有托位数 提供托位 提供托位数 可提供托位 可提供托位数 开放托位 开放托位数",
    ),
    _field(
        "places_taken",
        "在托人数",
        "在托数 在托婴幼儿数 在托儿童数 入托数 入托人数 实际入托人数 实际收托人数 已用托位 已用托位数",
    ),
    _field("inclusive", "普惠", "普惠性 是否普惠 是否普惠性 普惠托育 是否普惠托育 普惠机构 是否普惠机构"),
    _field("inclusive_body", "普惠认定机关", "普惠认定单位 普惠认定部门"),
    _field("inclusive_no", "普惠认定文号", "普惠文号 普惠认定编号"),
    _field("registration_body", "备案机关", "备案单位 备案部门 备案登记机关"),
    _field("registration_no", "备案编号", "备案号 备案登记号 备案登记编号 备案回执编号"),
    _field(
        "registration_expires_on",
        "备案有效期至",
        "许可有效期至 有效期至 备案有效期 许可证有效期 有效期截止日期",
    ),
    _field("forms", "托育形式", "托育服务形式 托育方式 收托形式 收托方式"),
    _field("meals", "供餐", "是否供餐 供餐情况 供餐方式"),
    _field("prepaid_months", "预收月数", "预收费月数 预收几个月"),
    _field("monthly_fee", "月费", "月费(元) 月费(元/月) 每月收费 每月费用 月收费 月托育费 每月托育费"),
    _field("classes", "班型", "托育班型 开设班型 班型设置"),
    _field("serves", "服务区划", "服务区划代码 服务范围代码 服务社区代码 覆盖区划 覆盖区划代码"),
    _field("verified_on", "核实日期", "核实时间 最近核实日期 核查日期 核对日期 核验日期"),
)


# Of the template only: said of a row, kept nowhere.
PRESENCE = _field("presence", "有没有", "有无")


def _key(heading: str) -> str:
    return heading_text(heading).casefold()


_FIELD_BY_KEY = {
    _key(heading): each.name
    for each in (*FIELDS, PRESENCE)
    for heading in (each.name, each.heading, *each.aliases)
}
_HEADINGS = {each.name: each.heading for each in (*FIELDS, PRESENCE)}


@dataclass(frozen=True, slots=True)
class Feed:
    """What fills a field: one heading of the file, or several joined.

    `join` None: the parts that are there, one after the other. `join` given: all parts or nothing.
    A text in `values` is replaced, any other passes unchanged.
    """

    headings: tuple[str, ...]
    join: str | None = None
    values: dict[str, str] = field(default_factory=dict)

    def text(self, cells: dict[str, str]) -> str:
        parts = [cells[heading] for heading in self.headings if heading in cells]
        if self.join is not None and len(parts) < len(self.headings):
            return ""
        text = (self.join or "").join(parts)
        return self.values.get(text.strip(), text) if self.values else text


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file 列对照文件: how another registry's columns become our fields.

    Without `columns` the headings decide, as if there were no mapping.
    """

    columns: dict[str, Feed] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    source: str | None = None
    datum: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Which headings feed which field, and what stands in where the file has nothing."""

    feeds: dict[str, Feed]
    ignored: tuple[str, ...]
    defaults: dict[str, str]
    datum: str | None

    @property
    def headings(self) -> dict[str, str]:
        """Field to the heading that a person finds in the file."""
        found = {name: "+".join(feed.headings) for name, feed in self.feeds.items()}
        if "registration_no" in found:
            found.setdefault("external_id", found["registration_no"])
        return found

    def cells(self, row: SheetRow) -> dict[str, str]:
        """Field to text; a field without text is left out. Where a row has neither 编号 nor 外部编号, its
        备案编号 tells which place it is."""
        cells = dict(self.defaults)
        for name, feed in self.feeds.items():
            # an empty 有没有 says that there is such a column
            if (text := feed.text(row.cells)) or name == PRESENCE.name:
                cells[name] = text
        if "registration_no" in cells and "code" not in cells:
            cells.setdefault("external_id", cells["registration_no"])
        if self.datum and ("lng" in cells or "lat" in cells):
            cells.setdefault("datum", self.datum)
        return cells


def is_heading(text: str, mapping: Mapping | None = None) -> bool:
    """Would `match_columns` use a column with this heading?"""
    if mapping and mapping.columns:
        return any(_key(text) == _key(name) for feed in mapping.columns.values() for name in feed.headings)
    return _key(text) in _FIELD_BY_KEY


def match_columns(headings: Sequence[str], mapping: Mapping | None = None) -> Columns:
    """Say which headings feed which field. Raises InvalidError when it is not clear, or no name is fed."""
    mapping = mapping or Mapping()
    feeds = _mapped(headings, mapping) if mapping.columns else _recognised(headings)
    if "name" not in feeds:
        near = perhaps("名称", headings)
        raise InvalidError(
            f"没有“名称”这一列{near}；请加上标题“名称”，或在列对照文件的 columns 中写明 name",
            "no_name_column",
        )
    used = {heading for feed in feeds.values() for heading in feed.headings}
    ignored = tuple(heading for heading in headings if heading not in used)
    defaults = {"source": mapping.source} if mapping.source else {}
    defaults |= {name: text for name, text in mapping.constants.items() if text and name not in feeds}
    return Columns(feeds, ignored, defaults, mapping.datum)


def match_sheets(
    sheets: Sequence[Sheet], mapping: Mapping | None = None
) -> tuple[list[tuple[Sheet, Columns]], list[str]]:
    """`match_columns` for each sheet; where there are several, one without names is left out (it may
    explain the others). The sheets that are read, and what is to be said of those that are not."""
    matched: list[tuple[Sheet, Columns]] = []
    left_out: list[str] = []
    for sheet in sheets:
        try:
            matched.append((sheet, match_columns(sheet.headings, mapping)))
        except InvalidError as error:
            if not sheet.name or error.code != "no_name_column" or len(left_out) + 1 == len(sheets):
                where = f"工作表“{sheet.name}”：" if sheet.name else ""
                raise InvalidError(f"{where}{error.detail}", error.code) from None
            left_out.append(f"工作表“{sheet.name}”没有“名称”这一列，没有读")
    return matched, left_out


def headings_of(matched: Iterable[Columns]) -> dict[str, str]:
    """Field to the heading that a person finds in the file, in whichever sheet."""
    found: dict[str, list[str]] = {}
    for columns in matched:
        for name, heading in columns.headings.items():
            found.setdefault(name, []).append(heading)
    return {name: "/".join(dict.fromkeys(headings)) for name, headings in found.items()}


def _recognised(headings: Sequence[str]) -> dict[str, Feed]:
    feeds: dict[str, Feed] = {}
    for heading in headings:
        name = _FIELD_BY_KEY.get(_key(heading))
        if name is None:
            continue
        if name in feeds:
            raise InvalidError(
                f"“{feeds[name].headings[0]}”和“{heading}”两列都是{_HEADINGS[name]}；"
                "请删去一列，或用列对照文件写明用哪一列",
                "two_columns_for_field",
            )
        feeds[name] = Feed((heading,))
    return feeds


def _mapped(headings: Sequence[str], mapping: Mapping) -> dict[str, Feed]:
    """The mapping's feeds with the headings as the file writes them; a point's 经度 and 纬度 as well."""
    written = {_key(heading): heading for heading in headings} | {heading: heading for heading in headings}
    feeds = {}
    for name, feed in mapping.columns.items():
        absent = [each for each in feed.headings if each not in written and _key(each) not in written]
        if absent:
            raise InvalidError(
                f"列对照文件说{_HEADINGS[name]}（{name}）来自“{absent[0]}”，但文件里没有这一列"
                f"{perhaps(absent[0], headings)}；请改列对照文件",
                "mapped_column_absent",
            )
        found = tuple(written.get(each) or written[_key(each)] for each in feed.headings)
        feeds[name] = Feed(found, feed.join, feed.values)
    for name, heading in (("lng", LNG), ("lat", LAT)):
        if heading in headings:
            feeds.setdefault(name, Feed((heading,)))
    return feeds


def perhaps(word: str, words: Iterable[str]) -> str:
    """“；是不是 …？” with the nearest of `words`, else nothing."""
    by_key = {_key(each): each for each in words}
    near = [by_key[each] for each in get_close_matches(_key(word), by_key, 3, 0.5)]
    return f"；是不是 {'、'.join(f'“{each}”' for each in near)}？" if near else ""


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file (YAML). Every scalar is taken as the text that stands there: a code keeps
    its zeros and `yes` is no truth value. Raises InvalidError naming file, line and cure."""
    import yaml

    try:
        root = yaml.compose(path.read_text("utf-8-sig"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise InvalidError(
            f"{path.name}: 打不开（{error.strerror}）；请检查路径和权限", "bad_mapping"
        ) from None
    except UnicodeDecodeError:
        raise InvalidError(f"{path.name}: 不是 UTF-8；请用 UTF-8 另存", "bad_mapping") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidError(
            f"{path.name} 第 {line} 行: 不是 YAML（{error.problem}）；请检查缩进、冒号和引号", "bad_mapping"
        ) from None
    except (yaml.YAMLError, RecursionError):
        raise InvalidError(
            f"{path.name}: 不是 YAML；请检查有没有特殊字符或太深的嵌套", "bad_mapping"
        ) from None
    if root is None:
        raise InvalidError(f"{path.name}: 是空的；请写上 columns", "bad_mapping")
    return _MappingFile(path).mapping(root)


@dataclass(frozen=True, slots=True)
class _MappingFile:
    """Turns the nodes of the file, which know their lines, into a Mapping."""

    path: Path

    def mapping(self, root: Any) -> Mapping:
        parts = self.entries(root, ("source", "datum", "columns", "constants"))
        columns = self.by_field(parts["columns"]) if "columns" in parts else {}
        constants = self.by_field(parts["constants"]) if "constants" in parts else {}
        for name, node in constants.items():
            if name in columns:
                raise self.refused(node, f"{name} 在 columns 和 constants 中各有一次；请删去一个")
        return Mapping(
            {name: self.feed(node) for name, node in columns.items()},
            {name: self.text(node) for name, node in constants.items()},
            self.text(parts["source"]) if "source" in parts else None,
            self.text(parts["datum"]) if "datum" in parts else None,
        )

    def feed(self, node: Any) -> Feed:
        if node.id == "scalar":
            return Feed((self.text(node),))
        if node.id == "sequence":
            return Feed(self.texts(node))
        parts = self.entries(node, ("column", "columns", "join", "values"))
        if ("column" in parts) == ("columns" in parts):
            raise self.refused(node, "column（一列）和 columns（几列）要有一个，只能有一个")
        if "join" in parts and "column" in parts:
            raise self.refused(parts["join"], "join 连接几列；请把 column 改为 columns: [列, 列]")
        values = self.entries(parts["values"]) if "values" in parts else {}
        return Feed(
            self.texts(parts["columns"]) if "columns" in parts else (self.text(parts["column"]),),
            self.text(parts["join"]) if "join" in parts else None,
            {text: self.text(value) for text, value in values.items()},
        )

    def by_field(self, node: Any) -> dict[str, Any]:
        known = {word: each.name for each in FIELDS for word in (each.name, each.heading)}
        found: dict[str, Any] = {}
        for word, value in self.entries(node, known).items():
            if known[word] in found:
                raise self.refused(value, f"{known[word]}（{_HEADINGS[known[word]]}）写了两次；请删去一个")
            found[known[word]] = value
        return found

    def entries(self, node: Any, known: Iterable[str] = ()) -> dict[str, Any]:
        """The entries of a YAML mapping; keys not in `known` are refused when it is given."""
        if node.id != "mapping":
            raise self.refused(node, "这里要写“键: 值”")
        found: dict[str, Any] = {}
        for key, value in node.value:
            word = self.text(key)
            if known and word not in known:
                raise self.refused(key, f"不认得“{word}”{perhaps(word, known)}")
            if word in found:
                raise self.refused(key, f"“{word}”写了两次；请删去一个")
            found[word] = value
        return found

    def texts(self, node: Any) -> tuple[str, ...]:
        if node.id != "sequence" or not node.value:
            raise self.refused(node, "这里要写几个列名，例如 [列, 列]")
        return tuple(self.text(each) for each in node.value)

    def text(self, node: Any) -> str:
        if node.id != "scalar" or node.tag == "tag:yaml.org,2002:null":
            raise self.refused(node, '这里要写一个值；空值请写 ""')
        return str(node.value)

    def refused(self, node: Any, detail: str) -> InvalidError:
        return InvalidError(f"{self.path.name} 第 {node.start_mark.line + 1} 行: {detail}", "bad_mapping")
