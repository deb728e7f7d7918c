"""A billing system's export, made up: a year's bills of accounts that are already here."""

from pathlib import Path

from django.db import connection

ACCOUNTS = 200_000  # so that accounts have several bills each, as in life

_PROFILE = """
source = "bench-boss"
dates = ["%Y-%m-%d"]

[bills.columns]
number = "账单号"
account = "户号"
issued_on = "出账日"
due_on = "截止日"
amount = "应缴金额"
"""


_ACCOUNTS = """
    WITH customer AS (
        INSERT INTO accounts_customer (number, kind, name, created_at)
        SELECT 'E' || n, 'PERSONAL', '客户', now() FROM generate_series(0, %s) n RETURNING id, number)
    INSERT INTO accounts_billingaccount (number, customer_id, address, created_at)
    SELECT '82' || lpad(substr(number, 2), 8, '0'), id, '', now() FROM customer"""


def open_accounts() -> None:
    """The accounts that the bills are for."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, [ACCOUNTS - 1])
        cursor.execute("ANALYZE")


def write_bills(folder: Path, *, rows: int) -> tuple[Path, Path]:
    """The export and the profile that reads it."""
    export, profile = folder / "bills.csv", folder / "bench.toml"
    profile.write_text(_PROFILE, encoding="utf-8")
    with export.open("w", encoding="utf-8", newline="\r\n") as out:
        out.write("账单号,户号,出账日,截止日,应缴金额\n")
        for row in range(rows):
            month = 1 + row * 12 // rows
            cents = 1_000 + row * 7919 % 9_000
            out.write(
                f"{row:012d},82{row % ACCOUNTS:08d},2026-{month:02d}-01,2026-{month:02d}-25,"
                f"{cents // 100}.{cents % 100:02d}\n"
            )
    return export, profile
