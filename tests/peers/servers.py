"""The servers that are not ours, and what is asked of each: the same questions direct and through maso."""

import os
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Server:
    """One public server: how it starts, what state it works on, and what it is asked."""

    name: str
    command: list
    asks: list
    reset: callable = lambda: None
    eras: tuple = ("2025-06-18", "2025-11-25")
    # Whether what one client did shows in what the next is told, though the files were reset.
    keeps_state: bool = False
    # Members of an answer that differ between two runs of the same server, whoever asks.
    volatile: frozenset = field(default_factory=frozenset)


def tool(name, **arguments):
    return ("tools/call", {"name": name, "arguments": arguments})


def servers(peers, node, scratch):
    modules = Path(peers) / "node_modules" / "@modelcontextprotocol"
    files = Path(scratch) / "files"
    database = Path(scratch) / "peers.sqlite"
    return [
        Server(
            "filesystem",
            [node, str(modules / "server-filesystem/dist/index.js"), str(files)],
            filesystem_asks(files),
            lambda: reset_files(files),
            volatile=frozenset({"created", "modified", "accessed"}),
        ),
        Server(
            "everything",
            # Without the environment of whoever starts it: one of its tools prints that.
            ["/usr/bin/env", "-i", node, str(modules / "server-everything/dist/index.js"), "stdio"],
            everything_asks(),
        ),
        Server(
            "sqlite",
            [str(Path(peers) / "sqlite/bin/mcp-server-sqlite"), "--db-path", str(database)],
            sqlite_asks(),
            lambda: reset_database(database),
            keeps_state=True,
        ),
        Server(
            "time",
            [str(Path(peers) / "client/bin/mcp-server-time"), "--local-timezone", "UTC"],
            time_asks(),
            eras=("2025-06-18", "2025-11-25", "2026-07-28"),
        ),
        # Asked by the conformance suite, and by nobody here.
        Server("conformance", [node, str(Path(__file__).parent / "conformance_server.mjs")], []),
        Server(
            "conformance-stateless",
            [node, str(Path(__file__).parent / "conformance_server.mjs"), "stateless"],
            [],
            eras=("2026-07-28",),
        ),
    ]


def filesystem_asks(files):
    at = lambda name: str(files / name)
    return [
        tool("list_allowed_directories"),
        tool("read_text_file", path=at("letter.txt")),
        tool("read_text_file", path=at("letter.txt"), head=1),
        tool("read_text_file", path=at("letter.txt"), tail=1),
        tool("read_text_file", path=at("letter.txt"), head=1, tail=1),
        tool("read_file", path=at("letter.txt")),
        tool("read_media_file", path=at("dot.png")),
        tool("read_multiple_files", paths=[at("letter.txt"), at("missing.txt"), at("figures.csv")]),
        tool("list_directory", path=str(files)),
        tool("list_directory_with_sizes", path=str(files), sortBy="size"),
        tool("directory_tree", path=str(files)),
        tool("search_files", path=str(files), pattern="**/*.csv"),
        tool("get_file_info", path=at("letter.txt")),
        tool("read_text_file", path=at("missing.txt")),
        tool("read_text_file", path="/etc/hostname"),
        tool("read_text_file", path=at("../peers.sqlite")),
        tool("read_text_file", wrong="argument"),
        tool("read_text_file", path=7),
        tool("write_file", path=at("new.txt"), content="first line\nsecond line ½ – 雪\n"),
        tool("read_text_file", path=at("new.txt")),
        tool("edit_file", path=at("new.txt"), edits=[{"oldText": "first", "newText": "1st"}]),
        tool("edit_file", path=at("new.txt"), edits=[{"oldText": "absent", "newText": "x"}]),
        tool("create_directory", path=at("inner/deep")),
        tool("move_file", source=at("new.txt"), destination=at("inner/moved.txt")),
        tool("move_file", source=at("new.txt"), destination=at("inner/moved.txt")),
        tool("directory_tree", path=str(files)),
    ]


def reset_files(files):
    shutil.rmtree(files, ignore_errors=True)
    (files / "inner").mkdir(parents=True)
    (files / "letter.txt").write_text("Dear colleague,\nthe meeting is on Tuesday.\nYours, the office\n")
    (files / "figures.csv").write_text("month,claims\n2026-01,17\n2026-02,23\n")
    (files / "inner" / "more.csv").write_text("a,b\n1,2\n")
    (files / "dot.png").write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
            "05000167a3b0e20000000049454e44ae426082"
        )
    )
    for path in sorted(files.rglob("*"), reverse=True):
        os.utime(path, (1_790_000_000, 1_790_000_000))


def everything_asks():
    return [
        tool("echo", message="hello"),
        tool("echo", message="naïve café 雪 \U0001f600 \"quoted\" \\ / \t tab"),
        tool("echo", message=""),
        tool("echo"),
        tool("echo", message=1),
        tool("get-sum", a=1, b=2),
        tool("get-sum", a=0.1, b=0.2),
        tool("get-sum", a=-7, b=1e21),
        tool("get-sum", a="one", b=2),
        tool("get-tiny-image"),
        tool("get-env"),
        tool("get-annotated-message", messageType="error", includeImage=False),
        tool("get-annotated-message", messageType="success", includeImage=True),
        tool("get-annotated-message", messageType="nonsense"),
        tool("get-resource-links", count=3),
        tool("get-structured-content", location="Chicago"),
        tool("get-structured-content", location="Nowhere"),
        tool("trigger-long-running-operation", duration=0.02, steps=2),
        tool("trigger-sampling-request", prompt="Say something short.", maxTokens=20),
        tool("trigger-elicitation-request"),
        tool("get-roots-list"),
        ("resources/templates/list", {}),
        ("resources/read", {"uri": "demo://resource/static/document/architecture.md"}),
        ("resources/read", {"uri": "demo://resource/static/document/absent.md"}),
        ("resources/read", {"uri": "demo://resource/dynamic/text/none"}),
        ("prompts/get", {"name": "simple-prompt"}),
        ("prompts/get", {"name": "args-prompt", "arguments": {"city": "Riga", "state": "Vidzeme"}}),
        ("prompts/get", {"name": "args-prompt"}),
        ("prompts/get", {"name": "absent-prompt"}),
        (
            "completion/complete",
            {
                "ref": {"type": "ref/prompt", "name": "completable-prompt"},
                "argument": {"name": "department", "value": "E"},
            },
        ),
        (
            "completion/complete",
            {
                "ref": {"type": "ref/prompt", "name": "completable-prompt"},
                "argument": {"name": "name", "value": ""},
                "context": {"arguments": {"department": "Sales"}},
            },
        ),
        (
            "completion/complete",
            {
                "ref": {"type": "ref/resource", "uri": "demo://resource/dynamic/text/{resourceId}"},
                "argument": {"name": "resourceId", "value": "1"},
            },
        ),
    ]


def sqlite_asks():
    return [
        tool("list_tables"),
        tool("describe_table", table_name="cities"),
        tool("read_query", query="SELECT name, people, area FROM cities ORDER BY name"),
        tool("read_query", query="SELECT NULL AS nothing, 1.5 AS ratio, 'it''s' AS text"),
        tool("read_query", query="DELETE FROM cities"),
        tool("read_query", query="SELECT absent FROM cities"),
        tool("read_query"),
        tool("create_table", query="CREATE TABLE rivers (name TEXT PRIMARY KEY, length REAL)"),
        tool("create_table", query="CREATE TABLE rivers (name TEXT)"),
        tool("write_query", query="INSERT INTO rivers VALUES ('Daugava', 1020.5), ('Gauja', 452)"),
        tool("write_query", query="INSERT INTO rivers VALUES ('Gauja', 1)"),
        tool("write_query", query="SELECT 1"),
        tool("read_query", query="SELECT * FROM rivers ORDER BY length"),
        tool("append_insight", insight="The longest river is the Daugava."),
        ("resources/list", {}),
        ("resources/read", {"uri": "memo://insights"}),
        ("prompts/get", {"name": "mcp-demo", "arguments": {"topic": "rivers"}}),
        ("prompts/get", {"name": "absent"}),
    ]


def reset_database(database):
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    with sqlite3.connect(database) as connection:
        connection.executescript(
            "CREATE TABLE cities (name TEXT, people INTEGER, area REAL);"
            "INSERT INTO cities VALUES ('Riga', 605273, 304.05), ('Liepāja', 66680, 68.0);"
        )
    connection.close()


def time_asks():
    return [
        tool("convert_time", source_timezone="UTC", time="12:30", target_timezone="Asia/Tokyo"),
        tool("convert_time", source_timezone="UTC", time="25:00", target_timezone="Asia/Tokyo"),
        tool("convert_time", source_timezone="Nowhere/City", time="12:30", target_timezone="UTC"),
        tool("convert_time", source_timezone="UTC"),
        tool("get_current_time", timezone="Nowhere/City"),
        tool("get_current_time"),
    ]
