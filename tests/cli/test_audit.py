"""The anchor: printed, kept elsewhere, and asked for later."""

import pytest

from servicemap import audit, db
from servicemap.access import SEED
from tests.factories import a_place
from tests.test_audit import KEEPERS, record


def rewrite_everything(engine: str) -> None:
    """What somebody can do who keeps the server: a whole other chain that holds in itself."""
    for trigger in KEEPERS[engine]:
        db.execute(
            f"ALTER TABLE change DISABLE TRIGGER {trigger}"
            if engine == "postgresql"
            else f"DROP TRIGGER {trigger}"
        )
    [(count,)] = db.query("SELECT COUNT(*) FROM change")
    db.execute("DELETE FROM change")
    db.execute("UPDATE change_head SET seq = 0, hash = ''")
    for number in range(count + 5):
        record(f"forged {number}")


def test_an_anchor_is_printed_and_found_on_the_chain_later(admin, tmp_path):
    a_place()
    anchor = admin("audit", "anchor")
    (tmp_path / "anchors.txt").write_text(f"第一次：{anchor.out}", encoding="utf-8")
    head = audit.head()
    a_place("乙")

    as_text, as_file = (
        admin("audit", "verify", "--anchor", said) for said in (anchor.out.strip(), tmp_path / "anchors.txt")
    )

    assert anchor.out.split()[1] == str(head)
    assert (as_text.code, as_file.code) == (0, 0), as_text.err
    assert "1 个锚都在链上" in as_file.out


def test_a_chain_that_was_rewritten_whole_is_seen_by_its_anchor_only(admin, engine):
    a_place()
    anchor = admin("audit", "anchor").out
    rewrite_everything(engine)

    alone, with_anchor = admin("audit", "verify"), admin("audit", "verify", "--anchor", anchor)

    assert (alone.code, with_anchor.code) == (0, 3)
    assert "[lost_anchor]" in with_anchor.err


def test_a_chain_whose_end_was_cut_off_is_seen_by_its_anchor(admin, engine):
    a_place()
    anchor = admin("audit", "anchor").out
    for trigger in KEEPERS[engine]:
        db.execute(f"DROP TRIGGER {trigger}{' ON change' if engine == 'postgresql' else ''}")
    [(seq, chain)] = db.query("SELECT seq, hash FROM change ORDER BY seq DESC LIMIT 1 OFFSET 1")
    db.execute("DELETE FROM change WHERE seq > ?", (seq,))
    db.execute("UPDATE change_head SET seq = ?, hash = ?", (seq, chain))

    assert admin("audit", "verify").code == 0
    assert admin("audit", "verify", "--anchor", anchor).code == 3


def test_many_anchors_are_all_looked_at(admin, tmp_path):
    with audit.write_txn(SEED) as log:
        for number in range(120):
            log.record_change("thing", str(number), "create")
    anchors = [str(audit.Anchor(*row)) for row in db.query("SELECT seq, hash FROM change")]
    anchors[100] = anchors[100][:-1] + ("0" if anchors[100][-1] != "0" else "1")
    (tmp_path / "anchors.txt").write_text("\n".join(anchors))

    ran = admin("audit", "verify", "--anchor", tmp_path / "anchors.txt")

    assert ran.code == 3
    assert ran.err.count("[lost_anchor]") == 1
    assert anchors[100] in ran.err


def test_a_broken_chain_is_a_finding(admin, engine):
    a_place()
    for trigger in KEEPERS[engine]:
        db.execute(f"DROP TRIGGER {trigger}{' ON change' if engine == 'postgresql' else ''}")
    db.execute("UPDATE change SET actor = 'nobody' WHERE seq = 2")

    ran = admin("audit", "verify")

    assert ran.code == 3
    assert "第 2 条" in ran.err


@pytest.mark.parametrize("said", ["no-such-file", "tests", "README.md"])
def test_what_holds_no_anchor_is_a_word(admin, said):
    ran = admin("audit", "verify", "--anchor", said)

    assert ran.code == 1
    assert "[no_anchor]" in ran.err


def test_an_empty_registry_has_no_anchor(admin):
    ran = admin("audit", "anchor")

    assert (ran.code, ran.out) == (0, "")
    assert "还没有变更" in ran.err


def test_the_coverage_report_ends_with_the_anchor(city):
    anchor = str(audit.head())

    as_table = city("coverage", "report", "441800000000")
    as_json = city("coverage", "report", "441800000000", "--format", "json")

    assert anchor in as_table.out.splitlines()[-1]
    assert {row["anchor"] for row in as_json.json} == {anchor}
