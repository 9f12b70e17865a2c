"""The worker's round: what to do, what families say, what is there twice, what is wrong."""

from servicemap import db, feedback
from tests.factories import TODAY, a_change, a_place, a_tree
from tests.test_todo import a_shape


def test_a_worker_sees_what_to_do_edits_and_answers(admin):
    place = a_place("北门家长学校", phone="0763-3360000", hours="周一至周五 9:00-17:00", verified_on=TODAY)
    receipt, _ = feedback.receive(place.code, "phone", "=HYPERLINK(1)", TODAY)

    todo = admin("todo", "--division", "441802", "--format", "json").json
    waiting = admin("feedback", "list", "--code", place.code)
    csv = admin("feedback", "list", "--format", "csv")
    early = admin("feedback", "answer", receipt, "fixed")
    a_change(place, phone="0763-3360001")
    done = admin("feedback", "answer", receipt, "fixed", "--word", "电话已更新", "--checked")
    left = admin("feedback", "list", "--format", "json")
    everything = admin("feedback", "list", "--all", "--format", "json")

    assert todo[0]["command"] == f"servicemap-admin feedback list --code {place.code}"
    assert "电话打不通" in waiting.out
    assert ",'=HYPERLINK(1)," in csv.out  # no formula for a spreadsheet to run
    assert (early.code, "facility edit" in early.err) == (1, True)
    assert (done.code, "已改好" in done.out, "电话" in done.err) == (0, True, True)
    assert (left.json, len(everything.json)) == ([], 1)


def test_the_list_of_work_says_when_there_is_more(admin):
    for number in range(3):
        a_place(f"第 {number} 处", lng=None)

    few, rest = admin("todo", "--limit", 2), admin("todo", "--format", "csv", "--limit", 500)

    assert "只列出前 2 件" in few.err
    assert len(few.out.splitlines()) == 4
    assert rest.out.startswith("编号,名称,哪里不对,为什么要紧,下一步输入")
    assert rest.err == ""


def test_a_person_decides_about_duplicates(admin):
    one, other = a_place("甲托育园"), a_place("甲 托育园")

    listed = admin("facility", "duplicates", "--division", "441802")
    told = admin("facility", "not-same", one.code, other.code, "--reason", "两个园区")
    after = admin("facility", "duplicates", "--format", "json")

    assert "名称相近，相距 0 米" in listed.out
    assert "facility merge" in listed.err
    assert (told.code, "不是同一处" in told.out) == (0, True)
    assert after.json == []


def test_the_doctor_ends_with_3_where_something_is_found_and_the_cure_cures(admin):
    a_tree()
    a_shape("441802000000", 112.9, 23.5, 113.3, 23.9)
    a_shape("441881000000", 113.3, 23.9, 113.6, 24.3)
    a_place()
    well = admin("doctor")
    db.execute("DELETE FROM search_row")

    ill = admin("doctor", "--format", "json")
    admin(*ill.json[0]["hint"].split()[1:])
    cured = admin("doctor")

    assert (well.code, "没有发现问题" in well.err) == (0, True)
    assert (ill.code, ill.json[0]["check"]) == (3, "cards")
    assert cured.code == 0
