"""Load NDJSON with the standard library: json and executemany, one transaction. usage: load.py FILE TABLE KEY <RECORDS"""
import json
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1], isolation_level=None)
table, key = sys.argv[2:4]
first = json.loads(sys.stdin.readline())
columns = list(first)


def values(record):
    return [json.dumps(v) if isinstance(v, (dict, list)) else v for v in map(record.get, columns)]


def rows():
    yield values(first)
    for line in sys.stdin:
        yield values(json.loads(line))


db.execute("PRAGMA journal_mode = WAL")
db.execute("BEGIN")
db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)}, PRIMARY KEY ({key}))")
db.executemany(
    f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))}) ON CONFLICT ({key}) DO UPDATE SET "
    + ", ".join(f"{c} = excluded.{c}" for c in columns if c != key), rows())
db.execute("COMMIT")
