"""Every table, columns only, with units and Chinese gloss: the data dictionary.

`_on` is a local date, `_at` an instant as UTC text with Z. Ranges are half-open [from, to);
an empty end means "still", an empty beginning "as far back as known". Positions are WGS-84 degrees.
Migrations build the tables; a test proves that they and these models give the same schema.
"""

from typing import Any

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    Check,
    CompositeKey,
    DateField,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from servicemap.access import ROLES
from servicemap.db import database

LEVELS = ("province", "city", "county", "town", "community")  # 省 市 县 镇 村居, top down
COMMUNITY_KINDS = ("residents_committee", "villagers_committee", "other")  # 居委会 村委会 其他
TOWN_KINDS = ("street", "town", "township", "pseudo")  # 街道 镇 乡 类似乡级
PRECISIONS = ("door", "street", "community", "town", "none")  # 门牌 街路 村居 乡镇 无位置
VISIBILITIES = ("public", "contact_only")  # 公开 只公开联系方式
FEES = ("free", "discounted", "paid")  # 免费 优惠 收费
DELIVERIES = ("on_site", "online", "at_home", "phone")  # 到场 网上 上门 电话
CLASSES = ("infant", "toddler", "senior", "mixed")  # 乳儿班 托小班 托大班 混龄
FORMS = ("full_day", "half_day", "hourly", "temporary")  # 全日 半日 计时 临时
MEANINGS = ("filler", "protection", "free", "inclusive", "registered", "type_only")
TARGETS = ("at_least", "at_most", "every_unit", "change_from_base", "yearly_step", "direction")
STEPS = ("reported", "town", "county")  # 填报 镇审 县核
EVIDENCE = ("document", "plaque_photo", "registration", "activity_record", "site_visit")
MEALS = ("included", "extra", "none")  # 含餐 另收餐费 不供餐
# 关门了 搬了 时间不对 电话打不通 收费不对 不适合儿童 其他
FEEDBACK = ("closed", "moved", "hours", "phone", "fee", "not_for_children", "other")
ANSWERS = ("fixed", "not_so", "cannot_tell")  # 已改好 不是这样 查不清
SUBMISSION_KINDS = ("plan", "scheme", "yearly")  # 县级规划 部门实施方案 年度报告
# 已批准 已公布 被代替 已撤回, in the order in which they can come; without any: 已冻结
SNAPSHOT_STEPS = ("approved", "published", "replaced", "retracted")


def one_of(column: str, words: tuple[str, ...]) -> Any:
    return Check(f"{column} IN ({', '.join(repr(word) for word in words)})")


class Table(Model):
    class Meta:
        database = database
        legacy_table_names = False


def owner(model: Any, **options: Any) -> Any:
    return ForeignKeyField(model, on_delete="RESTRICT", backref="+", **options)


class Registry(Table):
    """登记册: the one row that says what this database is."""

    id = IntegerField(primary_key=True, constraints=[Check("id = 1")])
    demo = BooleanField()  # 示例库: holds invented places and never a real one
    extent = TextField(null=True)  # west,south,east,north; a place outside is refused
    secret = TextField()  # signs cursors
    created_at = TextField()


class Counter(Table):
    """编号: the last number given out, by kind; numbers are never used again."""

    name = TextField(primary_key=True)
    last = BigIntegerField()


class Division(Table):
    """行政区划, one row a validity. `code` has its level's own length, `padded_code` the full one."""

    id = AutoField()
    code = TextField()
    padded_code = TextField(index=True)
    name = TextField()
    level = TextField(constraints=[one_of("level", LEVELS)])
    parent = owner("self", null=True)
    parent_id: int | None  # what peewee makes of it, likewise below
    community_kind = TextField(null=True, constraints=[one_of("community_kind", COMMUNITY_KINDS)])
    town_kind = TextField(null=True, constraints=[one_of("town_kind", TOWN_KINDS)])
    urban_rural = TextField(null=True)  # 城乡分类代码 of the statistics bureau: 111 … 220
    virtual = BooleanField()  # 虚拟: never in a denominator
    pseudo = BooleanField()  # 类似乡级: never in a denominator of towns
    valid_from = DateField(null=True)
    valid_to = DateField(null=True)
    lft = IntegerField(index=True)  # nested set: a subtree is lft BETWEEN own lft AND own rgt
    rgt = IntegerField()

    class Meta:
        indexes = ((("code", "valid_from"), True),)
        constraints = [Check("valid_to > valid_from")]


Division.add_index(SQL("CREATE UNIQUE INDEX division_current ON division (code) WHERE valid_to IS NULL"))


class Succession(Table):
    """沿革: which division took the place of which, from when."""

    old = owner(Division, index=False)
    new = owner(Division)
    succeeded_on = DateField()
    document = TextField(null=True)  # 文号

    class Meta:
        primary_key = CompositeKey("old", "new")


class FormerName(Table):
    """曾用名: what a division was called before that day (since the former name before, if any)."""

    division = owner(Division, index=False)
    division_id: int
    to_on = DateField()
    name = TextField()
    document = TextField(null=True)  # 文号

    class Meta:
        primary_key = CompositeKey("division", "to_on")


class Shape(Table):
    """边界: a division's polygon as GeoJSON geometry, with its box."""

    division = owner(Division, primary_key=True)
    geometry = TextField()
    west = DoubleField()
    south = DoubleField()
    east = DoubleField()
    north = DoubleField()
    source = TextField()


class Population(Table):
    """人口: persons counted in a division on a day."""

    division = owner(Division, index=False)
    kind = TextField()  # resident_census 普查常住, resident_yearend 年末常住
    counted_on = DateField()
    persons = IntegerField(constraints=[Check("persons >= 0")])
    source = TextField()

    class Meta:
        primary_key = CompositeKey("division", "kind", "counted_on")


class FacilityType(Table):
    """类型: a kind of place that the plan counts."""

    id = IntegerField(primary_key=True)  # stands in search rows; 0 there means any
    key = TextField(unique=True)
    name = TextField(unique=True)
    name_en = TextField()
    level = TextField(constraints=[one_of("level", LEVELS)])  # whom it serves, unless the role says
    clauses = TextField()  # JSON list: T01 …
    aliases = TextField()  # JSON list of everyday names
    topic = TextField(null=True)  # protection: its answers begin with the hotlines

    class Meta:
        constraints = [Check("id > 0")]


class Hours(Table):
    """开放时间: each distinct text once."""

    id = AutoField()
    text = TextField(unique=True)


class Facility(Table):
    """服务点: one place to go to. Its public code is made of its id (facilities.public_code)."""

    id = IntegerField(primary_key=True)
    name = TextField()
    division = owner(Division)
    address = TextField(null=True)
    lat = DoubleField(null=True, constraints=[Check("lat BETWEEN -90 AND 90")])
    lng = DoubleField(null=True, constraints=[Check("lng BETWEEN -180 AND 180")])
    position_precision = TextField(constraints=[one_of("position_precision", PRECISIONS)])
    position_datum = TextField(null=True)  # the datum that the source gave
    phone = TextField(null=True)
    hours = owner(Hours, null=True)
    accessible = BooleanField(null=True)  # empty: not assessed, which is not "no"
    visibility = TextField(constraints=[one_of("visibility", VISIBILITIES)])
    source = TextField()
    external_id = TextField(null=True)
    version = IntegerField()
    delivery = TextField(constraints=[SQL("DEFAULT 'on_site'"), one_of("delivery", DELIVERIES)])
    note = TextField(null=True)  # 说明: what it is for and who runs it, for everybody to read
    held = TextField(
        null=True
    )  # JSON {field: day of its last correction by hand}: older files leave it alone
    merged_into = owner("self", null=True)  # 并入: whose code answers for this one
    credit_code = TextField(null=True)  # 统一社会信用代码
    phone_public = BooleanField(constraints=[SQL("DEFAULT true")])  # 电话可公开
    position_source = TextField(null=True)  # 位置来源, for example geocoded:amap 2026-11-26

    class Meta:
        indexes = ((("source", "external_id"), True), (("name", "division"), False))
        constraints = [
            Check("(lat IS NULL) = (lng IS NULL) AND (lat IS NULL) = (position_precision = 'none')")
        ]


class FormerDivision(Table):
    """原属区划: where a place stood before that day, when its division ended and it stands in a successor."""

    facility = owner(Facility, index=False)
    to_on = DateField()
    division = owner(Division)

    class Meta:
        primary_key = CompositeKey("facility", "to_on")


class Role(Table):
    """挂牌: what the place is, with its own dates. Coverage counts roles, the finder searches roles."""

    id = IntegerField(primary_key=True)
    facility = owner(Facility)
    type = owner(FacilityType)
    level = TextField(null=True, constraints=[one_of("level", LEVELS)])  # empty: the type's
    opened_on = DateField(null=True)
    closed_on = DateField(null=True)
    closed_reason = TextField(null=True)
    age_from_months = IntegerField(null=True, constraints=[Check("age_from_months >= 0")])
    age_to_months = IntegerField(null=True)
    fee = TextField(null=True, constraints=[one_of("fee", FEES)])
    fee_text = TextField(null=True)
    inclusive = BooleanField(null=True)  # 普惠; empty: not known
    inclusive_body = TextField(null=True)  # 普惠认定机关
    inclusive_no = TextField(null=True)  # 普惠认定文号
    registration_body = TextField(null=True)  # 备案机关
    registration_no = TextField(null=True)  # 备案编号
    forms = TextField(null=True)  # JSON list of FORMS
    meals = TextField(null=True, constraints=[one_of("meals", MEALS)])
    prepaid_months = IntegerField(null=True, constraints=[Check("prepaid_months >= 0")])  # 预收几个月
    monthly_fee = IntegerField(null=True, constraints=[Check("monthly_fee >= 0")])  # 月费, yuan
    registration_expires_on = DateField(null=True)  # 备案有效期至: the first day on which it no longer holds

    class Meta:
        constraints = [Check("closed_on >= opened_on"), Check("age_to_months >= age_from_months")]


Role.add_index(SQL("CREATE UNIQUE INDEX role_current ON role (facility_id, type_id) WHERE closed_on IS NULL"))


class RoleServes(Table):
    """服务区划: links that replace the default (the standing division at the role's level)."""

    role = owner(Role, index=False)
    division = owner(Division)
    from_on = DateField(null=True)
    to_on = DateField(null=True)
    evidence = TextField(null=True)

    class Meta:
        primary_key = CompositeKey("role", "division")


class RolePlaces(Table):
    """托位: places from a day on."""

    role = owner(Role, index=False)
    from_on = DateField()
    registered = IntegerField(null=True, constraints=[Check("registered >= 0")])  # 备案
    offered = IntegerField(null=True, constraints=[Check("offered >= 0")])  # 实际提供
    taken = IntegerField(null=True, constraints=[Check("taken >= 0")])  # 在托

    class Meta:
        primary_key = CompositeKey("role", "from_on")


class RoleClass(Table):
    """班型: a class of a nursery, with its ages, places and fee."""

    role = owner(Role, index=False)
    kind = TextField(constraints=[one_of("kind", CLASSES)])
    age_from_months = IntegerField(null=True, constraints=[Check("age_from_months >= 0")])
    age_to_months = IntegerField(null=True)
    registered = IntegerField(null=True, constraints=[Check("registered >= 0")])
    offered = IntegerField(null=True, constraints=[Check("offered >= 0")])
    taken = IntegerField(null=True, constraints=[Check("taken >= 0")])
    monthly_fee = IntegerField(null=True, constraints=[Check("monthly_fee >= 0")])  # yuan
    counted_on = DateField(null=True)  # when the places were counted

    class Meta:
        primary_key = CompositeKey("role", "kind")
        constraints = [Check("age_to_months >= age_from_months")]


class Suspension(Table):
    """暂停: all roles of the place rest meanwhile and do not count."""

    id = AutoField()
    facility = owner(Facility)
    from_on = DateField()
    to_on = DateField(null=True)
    reason = TextField()

    class Meta:
        constraints = [Check("to_on > from_on")]


class Verification(Table):
    """核实: a person confirmed the record on that day."""

    facility = owner(Facility, index=False)
    verified_on = DateField()
    verified_by = TextField()
    voided_on = DateField(null=True)  # when something changed that had been looked at

    class Meta:
        primary_key = CompositeKey("facility", "verified_on")


class Title(Table):
    """称号: awarded to a place or to a division, with issuer and expiry."""

    id = AutoField()
    facility = owner(Facility, null=True)
    division = owner(Division, null=True)
    kind = TextField()  # 儿童友好示范县 …
    issuer = TextField()
    awarded_on = DateField()
    expires_on = DateField(null=True)
    withdrawn_on = DateField(null=True)

    class Meta:
        constraints = [Check("(facility_id IS NULL) <> (division_id IS NULL)")]


class Evidence(Table):
    """依据: what proves that a role is what it says. A picture stays where it is; its hash stands here."""

    id = AutoField()
    role = owner(Role)
    kind = TextField(constraints=[one_of("kind", EVIDENCE)])
    body = TextField(null=True)  # 发文或挂牌机关
    number = TextField(null=True)  # 文号
    dated_on = DateField()
    file_hash = TextField(null=True)  # SHA-256
    note = TextField(null=True)
    added_by = TextField()
    added_at = TextField()
    withdrawn_on = DateField(null=True)  # it was wrong: kept, and counts no more
    withdrawn_by = TextField(null=True)
    withdrawn_reason = TextField(null=True)


class Activity(Table):
    """活动: what a role did for families; how many came, and no names."""

    id = AutoField()
    role = owner(Role)
    held_on = DateField()
    topic = TextField()
    for_whom = TextField(null=True)
    families = IntegerField(null=True, constraints=[Check("families >= 0")])
    added_by = TextField()
    added_at = TextField()


class Feedback(Table):
    """反馈: what a family says is wrong, and what they are told. Nothing here says who they are."""

    id = AutoField()
    receipt = TextField(unique=True)  # 回执: random, said on a phone (feedback.py)
    facility = owner(Facility, index=False)
    kind = TextField(constraints=[one_of("kind", FEEDBACK)])
    text = TextField(null=True)  # masked, may be ''; empty: let go of
    received_on = DateField()
    received_at = TextField()
    answer = TextField(null=True, constraints=[one_of("answer", ANSWERS)])
    word = TextField(null=True)  # for the family to read
    changed = TextField(null=True)  # JSON list of what was changed meanwhile, in words for the family
    answered_on = DateField(null=True)
    answered_by = TextField(null=True)

    class Meta:
        indexes = ((("facility", "received_on", "kind", "text"), True),)  # sent twice it is one


Feedback.add_index(SQL("CREATE INDEX feedback_open ON feedback (facility_id) WHERE answer IS NULL"))


class NotSame(Table):
    """不是同一处: a pair that looks like one place, and a person has told apart."""

    one = owner(Facility, index=False)
    other = owner(Facility)
    reason = TextField()
    decided_at = TextField()
    decided_by = TextField()

    class Meta:
        primary_key = CompositeKey("one", "other")
        constraints = [Check("one_id < other_id")]


class Replay(Table):
    """重发: the answer to a write, for whoever did not get it and asks again with the same key."""

    actor = TextField()
    key = TextField()
    request_hash = TextField()
    answer = TextField()  # JSON
    created_at = TextField()

    class Meta:
        primary_key = CompositeKey("actor", "key")
        without_rowid = True


class Card(Table):
    """名片: the public face of a facility as JSON without its opening brace, written with every change."""

    facility = owner(Facility, primary_key=True)
    body = TextField()
    morton = BigIntegerField(null=True)  # where its search rows stand; empty when it has none
    fresh_until = DateField(null=True, index=True)  # the next day on which body or rows would differ


class SearchRow(Table):
    """检索行: of a placed public facility one for every distinct offer (cards.py) of each open type, and
    one for every distinct offer of all, with type 0 = any; what is no part of an offer is equal in all.

    `walk` is 2 × type, + 1 when the position is only known to the community or town, so that exact
    and approximate places are walked apart. Nothing unplaced, hidden or closed has a row here.
    """

    walk = IntegerField()
    morton = BigIntegerField()
    facility_id = IntegerField()
    offer = IntegerField()  # 0, 1 …: who asks of no offer reads 0 alone
    lng = DoubleField()
    lat = DoubleField()
    hours_id = IntegerField(null=True)
    flags = IntegerField()  # cards.FREE | DISCOUNTED | …
    age_from_months = IntegerField(null=True)
    age_to_months = IntegerField(null=True)
    monthly_fee = IntegerField(null=True)  # yuan
    verified_day = IntegerField(null=True)  # verified_on as days since 0001-01-01 (date.toordinal)
    division_id = IntegerField()

    class Meta:
        primary_key = CompositeKey("walk", "morton", "facility_id", "offer")
        without_rowid = True


class DivisionExtent(Table):
    """位置范围: a box that holds all rows of search_row in a division; it grows and never shrinks. Degrees."""

    division_id = IntegerField(primary_key=True)
    west = DoubleField()
    south = DoubleField()
    east = DoubleField()
    north = DoubleField()


class ListRow(Table):
    """名录行: as many a facility as it has offers, as in search_row; for lists by code and by division.

    A contact_only place stands here with its county, not with its own division.
    """

    type_id = IntegerField()
    facility_id = IntegerField()
    offer = IntegerField()
    division_id = IntegerField()
    placed = BooleanField()
    hours_id = IntegerField(null=True)  # this and the rest as in search_row
    flags = IntegerField()
    age_from_months = IntegerField(null=True)
    age_to_months = IntegerField(null=True)
    monthly_fee = IntegerField(null=True)
    verified_day = IntegerField(null=True)

    class Meta:
        primary_key = CompositeKey("type_id", "facility_id", "offer")
        indexes = ((("type_id", "division_id", "facility_id"), False),)
        without_rowid = True


ListRow.add_index(
    SQL("CREATE INDEX list_row_unplaced ON list_row (type_id, division_id, facility_id) WHERE NOT placed")
)


class SearchKey(Table):
    """检索词: a facility's name and address as the text search reads them (text.py): spaced characters,
    pinyin syllables, initials. The engines' text indexes follow it (migration 0003)."""

    facility = owner(Facility, primary_key=True)
    ch = TextField()
    py = TextField()
    ini = TextField()


class DivisionKey(Table):
    """区划检索词: a division's name likewise, and the whole names by which it goes."""

    division = owner(Division, primary_key=True)
    ch = TextField()
    py = TextField()
    ini = TextField()


class TypeKey(Table):
    """类型检索词: all names of a type likewise, one after the other."""

    type = owner(FacilityType, primary_key=True)
    ch = TextField()
    py = TextField()
    ini = TextField()


class Saying(Table):
    """常用话: what people type beside types, places and names, and how it is read."""

    word = TextField(primary_key=True)
    meaning = TextField(constraints=[one_of("meaning", MEANINGS)])


class Term(Table):
    """假期: 寒假 and 暑假 by date; a school year that is not here is unknown."""

    kind = TextField(constraints=[one_of("kind", ("winter", "summer"))])
    from_on = DateField()
    to_on = DateField()
    source = TextField()
    to_check = BooleanField()  # not yet held against its source

    class Meta:
        primary_key = CompositeKey("kind", "from_on")
        constraints = [Check("to_on > from_on")]


class Change(Table):
    """变更: the append-only, hash-chained audit; `seq` is the order of commits."""

    seq = BigIntegerField(primary_key=True)
    changed_at = TextField()
    actor = TextField()
    door = TextField()  # http, cli, seed
    batch_id = IntegerField(null=True)
    noun = TextField()
    key = TextField()
    action = TextField()
    diff = TextField()  # JSON {field: [before, after]}
    previous_hash = TextField()
    hash = TextField()

    class Meta:
        indexes = ((("noun", "key", "seq"), False),)


class ChangeHead(Table):
    """变更链头: locked last in every write, so that seq is the order of commits."""

    id = IntegerField(primary_key=True, constraints=[Check("id = 1")])
    seq = BigIntegerField()
    hash = TextField()


class ImportBatch(Table):
    """导入批次: one file on its way in: open, planned, applied; and undone, where that was wanted."""

    id = AutoField()
    file_name = TextField()
    headings = TextField()  # JSON {field: heading as in the file}
    as_of_on = DateField()
    actor = TextField()
    created_at = TextField()
    state = TextField(constraints=[one_of("state", ("open", "planned", "applied"))])
    planned_seq = BigIntegerField(null=True)  # the registry's seq that the plan was made against
    summary = TextField(null=True)  # JSON counts of the plan
    applied_at = TextField(null=True)
    undone_at = TextField(null=True)
    basis = TextField(null=True)  # on what the plan rests beside registry and file


class StagedRow(Table):
    """暂存行: a row of the file as sent, and what the plan says of it."""

    batch = owner(ImportBatch, index=False)
    sheet = TextField()  # of a workbook, where several are read; else empty
    number = IntegerField()  # the row as a spreadsheet shows it
    cells = TextField()  # JSON {field: text}
    outcome = TextField(
        null=True, constraints=[one_of("outcome", ("create", "update", "unchanged", "rejected"))]
    )
    facility_id = IntegerField(null=True)
    problems = TextField(null=True)  # JSON list
    remarks = TextField(null=True)  # JSON list: what is to be looked at
    made = TextField(null=True)  # JSON: the place as it will be; on its first row, from plan to apply

    class Meta:
        primary_key = CompositeKey("batch", "sheet", "number")


class Token(Table):
    """令牌: of a post, not a person; the secret itself is nowhere."""

    id = AutoField()
    label = TextField()  # of the post: 清城区妇儿工委办
    role = TextField(constraints=[one_of("role", ROLES)])
    division = owner(Division, null=True)  # acts in its subtree; empty: everywhere
    hash = TextField(unique=True)  # SHA-256
    issued_at = TextField()
    issued_by = TextField()
    expires_on = DateField()  # the first day on which it no longer holds
    revoked_at = TextField(null=True)
    last_used_on = DateField(null=True)  # to the day, and only where nobody had to wait for it
    departments = TextField(null=True)  # JSON list: for which departments a reporter reports; empty: for all


Token.add_index(SQL("CREATE UNIQUE INDEX token_current ON token (label) WHERE revoked_at IS NULL"))


class Review(Table):
    """审核: how far the last material change of a place has come. Without a row it counts as 县核: whoever
    keeps the whole registry wrote it and answers for it."""

    facility = owner(Facility, primary_key=True)
    state = TextField(constraints=[one_of("state", STEPS)])
    reported_on = DateField(null=True)  # the last material change, and by which post
    reported_by = TextField(null=True)
    town_on = DateField(null=True)
    town_by = TextField(null=True)
    county_on = DateField(null=True)
    county_by = TextField(null=True)
    returned_on = DateField(null=True)  # 退回: waits for whoever reports; the next edit empties it
    returned_by = TextField(null=True)
    reason = TextField(null=True)  # of the return


class SkipTown(Table):
    """免镇审: in this county the county passes what the town has not looked at."""

    division = owner(Division, primary_key=True)
    set_on = DateField()
    set_by = TextField()


class ZeroReport(Table):
    """零报告: on that day a division said that it has no place of the type, which is not silence."""

    division = owner(Division, index=False)
    type = owner(FacilityType)
    reported_on = DateField()
    reported_by = TextField()

    class Meta:
        primary_key = CompositeKey("division", "type", "reported_on")


class Confirmation(Table):
    """确认链接: by which a village's post says that its places are as they stand here, and nothing else."""

    id = AutoField()
    public_id = TextField(unique=True)  # stands in the address; opens nothing without the secret
    division = owner(Division)
    label = TextField()  # of the post
    hash = TextField()  # SHA-256 of the secret
    issued_at = TextField()
    issued_by = TextField()
    expires_on = DateField()  # the first day on which it no longer holds
    revoked_at = TextField(null=True)


class ConfirmationAnswer(Table):
    """确认: what a post said of a place on a day, once."""

    facility = owner(Facility, index=False)
    answered_on = DateField()
    confirmation = owner(Confirmation)
    wrong = TextField(null=True)  # in one line; empty: all is right
    settled_on = DateField(null=True)  # the next change or verification settles what was wrong

    class Meta:
        primary_key = CompositeKey("facility", "answered_on")


class DenominatorList(Table):
    """分母名录: an edition of the list that shares are measured against."""

    key = TextField(primary_key=True)
    edition = TextField()
    source = TextField()
    document_no = TextField(null=True)  # 文号


class DenominatorMember(Table):
    """分母名录成员. A list without members means: every division of the tree that fits the rule."""

    list = owner(DenominatorList, index=False)
    division = owner(Division)

    class Meta:
        primary_key = CompositeKey("list", "division")


class AreaGroup(Table):
    """区划组: divisions that the plan wants looked at together, beside the others: 民族自治县."""

    key = TextField(primary_key=True)
    name = TextField()
    source = TextField()


class AreaMember(Table):
    group = owner(AreaGroup, index=False)
    group_id: str
    division = owner(Division)
    division_id: int

    class Meta:
        primary_key = CompositeKey("group", "division")


class Indicator(Table):
    """指标: data, not code. `definitions` holds the 口径: default and alternatives."""

    id = TextField(primary_key=True)  # T01.urban
    position = IntegerField()
    name = TextField()
    name_en = TextField()
    clause = TextField()
    quote = TextField()
    kind = TextField(
        constraints=[one_of("kind", ("share", "place_share", "per_thousand", "count", "titled", "reported"))]
    )
    unit = TextField()
    department = TextField()
    definitions = TextField()  # JSON list; none where the value is reported
    is_key = BooleanField()  # 重点指标: counties are ranked by it
    project = TextField(null=True)  # 三(一) … 三(八): the project that it belongs to
    better = TextField(constraints=[one_of("better", ("up", "down"))])


class Target(Table):
    """目标值: an indicator may have none, one or several; the lowest position is the report's own."""

    indicator = owner(Indicator, index=False)
    position = IntegerField()
    value = TextField()  # a decimal as text, exact; of a direction up or down
    due_year = IntegerField()
    level = TextField()  # of the government that set it
    source = TextField()
    to_check = BooleanField()  # not yet held against its source
    kind = TextField(constraints=[one_of("kind", TARGETS)])
    base_year = IntegerField(null=True)  # 基期, of a change from it
    tolerance = TextField(null=True)  # 约、左右: so far beyond is still within

    class Meta:
        primary_key = CompositeKey("indicator", "position")


class ReportedValue(Table):
    """填报值: what a department or a county says that an indicator was in a year; a correction is a further version."""

    indicator = owner(Indicator, index=False)
    division = owner(Division)
    year = IntegerField()
    version = IntegerField()
    value = TextField()  # a decimal as text, exact, in the indicator's unit
    numerator = IntegerField(null=True, constraints=[Check("numerator >= 0")])
    denominator = IntegerField(null=True, constraints=[Check("denominator >= 0")])
    source = TextField()
    note = TextField(null=True)
    reported_on = DateField()
    reported_by = TextField()

    class Meta:
        primary_key = CompositeKey("indicator", "division", "year", "version")


class ValueDecision(Table):
    """填报值的审核: a version was passed or returned, once; a correction is a new version and waits anew."""

    indicator = owner(Indicator, index=False)
    division = owner(Division)
    year = IntegerField()
    version = IntegerField()
    passed = BooleanField()
    decided_on = DateField()
    decided_by = TextField()  # post
    reason = TextField(null=True)  # of a return

    class Meta:
        primary_key = CompositeKey("indicator", "division", "year", "version")


class Period(Table):
    """监测期的报出期限, where it is another than periods.due_on says."""

    key = TextField(primary_key=True)  # as Snapshot.period
    due_on = DateField()
    set_by = TextField()


class Snapshot(Table):
    """监测快照: the figures of a period as they were known when they were frozen. Append-only."""

    id = AutoField()
    period = TextField()  # 2026, mid-2025, final-2030
    division = owner(Division, index=False)
    division_name = TextField()  # as it was called on the day
    version = IntegerField(constraints=[Check("version > 0")])  # of the period and division
    as_of_on = DateField()
    content = BlobField()  # canonical JSON (coverage/snapshots.py), zlib
    sha256 = TextField()  # of the JSON
    public_content = BlobField()  # the same for everybody
    public_sha256 = TextField()
    made_at = TextField()
    made_by = TextField()  # post
    reason = TextField(null=True)
    anchor = TextField()  # seq:hash of the last change before it: the version of the data

    class Meta:
        indexes = ((("division", "period", "version"), True),)


class SnapshotStep(Table):
    """快照的批准、公布、代替、撤回: each happens once. Append-only; the last one is the state."""

    snapshot = owner(Snapshot, index=False)
    state = TextField(constraints=[one_of("state", SNAPSHOT_STEPS)])
    done_on = DateField()
    done_by = TextField()  # post
    reason = TextField(null=True)

    class Meta:
        primary_key = CompositeKey("snapshot", "state")


class Sending(Table):
    """报送: which version was sent to whom, when."""

    id = AutoField()
    snapshot = owner(Snapshot)
    sent_to = TextField()
    sent_on = DateField()
    document_no = TextField(null=True)  # 文号
    note = TextField(null=True)
    noted_by = TextField()  # post


class Submission(Table):
    """报送材料: a county's plan, a department's scheme, or what was done in a year and is planned for the next."""

    id = AutoField()
    kind = TextField(constraints=[one_of("kind", SUBMISSION_KINDS)])
    division = owner(Division)
    department = TextField(null=True)  # of the division; None: its committee
    year = IntegerField()  # of a report the one it is about, else that of issue
    title = TextField()
    document_no = TextField(null=True)  # 文号
    issued_on = DateField(null=True)
    handed_in_on = DateField()
    done = TextField(null=True)  # 实施情况, a line a paragraph
    planned = TextField(null=True)  # 下一年工作安排, likewise
    noted_by = TextField()  # post


TABLES: tuple[type[Table], ...] = tuple(Table.__subclasses__())
