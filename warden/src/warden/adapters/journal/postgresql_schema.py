"""The journal's table in PostgreSQL: how it is made, whom it is open to, and whether it is as it was made.

    schema warden: journal (one row a record), journal_format (one row: the format)

The rows are those of SQLite. Triggers refuse UPDATE, DELETE, TRUNCATE and any number but the next one. Who owns the
table can remove them, so writers are other roles: they may read and add. `journal init` is run by the owner.
"""

from psycopg import sql

from warden.adapters.journal.postgresql_connection import Connection
from warden.core.journal.state import DECIDING

FORMAT = 1
LOCK = 0x77726465_6A726E6C
"""The advisory lock that each writer holds for one transaction ("wrde", "jrnl")."""

_EVENTS = "', '".join(DECIDING)
_BODIES = {
    "journal_append_only": "BEGIN RAISE EXCEPTION 'the journal is append-only'; END",
    "journal_in_order": (
        "BEGIN IF NEW.seq IS DISTINCT FROM (SELECT coalesce(max(seq), 0) + 1 FROM warden.journal) THEN "
        "RAISE EXCEPTION 'the journal is append-only'; END IF; RETURN NEW; END"
    ),
}
_TRIGGERS = {
    "journal_no_change": ("BEFORE UPDATE OR DELETE OR TRUNCATE", "STATEMENT", "journal_append_only"),
    "journal_next": ("BEFORE INSERT", "ROW", "journal_in_order"),
}
_TYPES = {"journal_no_change": 2 + 8 + 16 + 32, "journal_next": 1 + 2 + 4}
"""``pg_trigger.tgtype``: row 1, before 2, insert 4, delete 8, update 16, truncate 32 (catalog/pg_trigger.h)."""

_TABLES = f"""
CREATE SCHEMA IF NOT EXISTS warden;
CREATE TABLE warden.journal_format (format integer NOT NULL);
INSERT INTO warden.journal_format VALUES ({FORMAT});
CREATE TABLE warden.journal (
  seq bigint PRIMARY KEY, at text NOT NULL, event text NOT NULL, lane text NOT NULL,
  actor text NOT NULL, body text NOT NULL, hash text NOT NULL
);
CREATE INDEX journal_by_lane ON warden.journal (lane, seq);
CREATE INDEX journal_telling ON warden.journal (lane, event, seq) WHERE event IN ('{_EVENTS}');
"""  # noqa: S608 - constants only


class Unsound(Exception):
    """The table is not as warden makes it: `what` names the parts."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def found_format(db: Connection) -> int | None:
    """The format of the journal that is there; ``None`` where there is none."""
    if db.execute("SELECT to_regclass('warden.journal_format')").fetchone() == (None,):
        return None
    row = db.execute("SELECT format FROM warden.journal_format").fetchone()
    return int(str(row[0])) if row else 0


def make(db: Connection) -> bool:
    """Make the tables and triggers in one transaction; false where they are there."""
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        if found_format(db) is not None:
            return False
        db.execute(_TABLES)
        for name, body in _BODIES.items():
            made = sql.SQL(
                "CREATE FUNCTION warden.{} () RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS {}"
            )
            db.execute(made.format(sql.Identifier(name), sql.Literal(body)))
        for name, (when, each, function) in _TRIGGERS.items():
            text = (
                f"CREATE TRIGGER {name} {when} ON warden.journal FOR EACH {each} EXECUTE FUNCTION warden.{function}()"
            )
            db.execute(text.encode())
    return True


def let_in(db: Connection, writer: str) -> None:
    """Have a role read and add records, and no more."""
    role = sql.Identifier(writer)
    with db.transaction():
        db.execute(sql.SQL("GRANT USAGE ON SCHEMA warden TO {}").format(role))
        db.execute(sql.SQL("GRANT SELECT ON warden.journal_format TO {}").format(role))
        db.execute(sql.SQL("GRANT SELECT, INSERT ON warden.journal TO {}").format(role))


def expect_sound(db: Connection) -> None:
    """Raise `Unsound` where a trigger is gone or another, or what answers is not the table itself."""
    table = db.execute(
        "SELECT relkind::text, relrowsecurity, relhasrules FROM pg_class WHERE oid = 'warden.journal'::regclass"
    ).fetchone()
    wrong = [] if table == ("r", False, False) else ["the table"]
    found = {
        str(name): (kind, enabled, source)
        for name, kind, enabled, source in db.execute(
            "SELECT t.tgname, t.tgtype, t.tgenabled::text, p.prosrc "
            "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE t.tgrelid = 'warden.journal'::regclass AND NOT t.tgisinternal"
        )
    }
    expected = {name: (_TYPES[name], "O", _BODIES[function]) for name, (_, _, function) in _TRIGGERS.items()}
    wrong += sorted(name for name in found.keys() | expected if found.get(name) != expected.get(name))
    if wrong:
        raise Unsound(", ".join(wrong))


def owns(db: Connection) -> bool:
    """Whether this role could remove the triggers: it owns the table, or is a superuser."""
    found = db.execute(
        "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'warden.journal'::regclass"
    ).fetchone()
    return bool(found and found[0])


def may_write(db: Connection) -> bool:
    """Whether this role may read and add records."""
    wanted = " AND ".join(f"has_table_privilege('warden.journal', '{each}')" for each in ("SELECT", "INSERT"))
    found = db.execute(f"SELECT {wanted}".encode()).fetchone()
    return bool(found and found[0])
