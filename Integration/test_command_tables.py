"""What the server says about itself, beside what Redis 8.2.3 says: COMMAND, COMMAND DOCS, CONFIG GET and INFO."""

import re
from collections.abc import Iterator

import pytest
import redis

from harness import Connection, Server, encode

OUR_WORDS = {"summary"}

# What Redis has since 8.4 and Valkey since 8.0; Redis 8.2.3 does not know it. Options are known by their `since`, or by
# their token where they have none: ZUNION's AGGREGATE COUNT and its kin, and ZSCAN's NOSCORES.
LATER_DATA = {"delex", "delifeq", "digest", "increx", "lmovem", "msetex", "sdiffcard", "sunioncard"}
LATER_OBSERVING = {
    *("commandlog", "commandlog|get", "commandlog|help", "commandlog|len", "commandlog|reset"),
    *("hotkeys", "hotkeys|get", "hotkeys|help", "hotkeys|reset", "hotkeys|start", "hotkeys|stop"),
}
LATER = LATER_DATA | LATER_OBSERVING
LATER_VERSIONS = {"8.1.0", "8.4.0", "8.8.0"}
LATER_WORDS = {"COUNT", "NOSCORES"}


@pytest.fixture(scope="module")
def clients(pair: tuple[Server, Server]) -> Iterator[tuple[redis.Redis, redis.Redis]]:
    with redis.Redis(port=pair[0].port, protocol=3) as ours, redis.Redis(port=pair[1].port, protocol=3) as oracle:
        # redis-py would make its own forms of these replies, which hide differences.
        for client in (ours, oracle):
            client.response_callbacks.clear()
        yield ours, oracle


def text(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {text(key): text(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [text(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {text(item) for item in value}
    return value


def names(client: redis.Redis) -> list[str]:
    return sorted(text(client.execute_command("COMMAND", "LIST")))


def test_our_commands_are_redis_commands(clients: tuple[redis.Redis, redis.Redis]) -> None:
    ours, oracle = map(names, clients)
    assert set(ours) - LATER <= set(oracle)
    assert set(oracle).isdisjoint(LATER)
    # The list has subcommands as container|name, the count has not.
    assert clients[0].execute_command("COMMAND", "COUNT") == len([name for name in ours if "|" not in name])
    assert len(ours) == len(set(ours))
    needed = """append decr decrby get getdel getex getrange getset incr incrby incrbyfloat lcs mget mset msetnx psetex
        set setex setnx setrange strlen substr del unlink exists type touch keys scan randomkey dbsize flushdb flushall
        object expire pexpire expireat pexpireat expiretime pexpiretime ttl pttl persist ping echo select quit reset
        hello auth client config command info time shutdown sort sort_ro lindex linsert llen lmove lmpop lpop lpos
        lpush lpushx lrange lrem lset ltrim rpop rpoplpush rpush rpushx sadd scard sdiff sdiffstore sinter
        sintercard sinterstore sismember smembers smismember smove spop srandmember srem sscan sunion sunionstore
        hdel hexists hget hgetall hgetdel hincrby hincrbyfloat hkeys hlen hmget hmset hrandfield hscan hset hsetnx
        hstrlen hvals zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop
        zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex
        zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion
        zunionstore role wait waitaof replicaof slaveof failover psync sync replconf cluster readonly readwrite asking
        module acl lolwut migrate restore-asking bitcount bitfield bitfield_ro bitop bitpos getbit
        setbit""".split()
    assert {*needed, *LATER} <= set(ours)


def plain_info(row: list) -> dict:
    """A row of COMMAND INFO whose sets are compared as such, by the names of its columns."""
    name, arity, flags, first, last, step, categories, tips, specs, subcommands = text(row)
    return {
        "name": name,
        "arity": arity,
        "flags": set(flags),
        "keys": (first, last, step),
        "categories": set(categories),
        "tips": tips,
        # Notes are prose.
        "specs": [{**spec, "flags": set(spec["flags"]), "notes": None} for spec in specs],
        "subcommands": {sub[0]: plain_info(sub) for sub in subcommands},
    }


def test_command_info(clients: tuple[redis.Redis, redis.Redis]) -> None:
    wanted = sorted({*names(clients[0])} - LATER)
    ours, oracle = ([plain_info(row) for row in c.execute_command("COMMAND", "INFO", *wanted)] for c in clients)
    different = []
    for our_row, their_row in zip(ours, oracle):
        keep_ours(our_row["subcommands"], their_row["subcommands"])
        different += differences(our_row["name"], our_row, their_row)
    assert not different, "\n".join(different)


def test_command_docs(clients: tuple[redis.Redis, redis.Redis]) -> None:
    wanted = sorted({*names(clients[0])} - LATER)
    ours, oracle = (text(client.execute_command("COMMAND", "DOCS", *wanted)) for client in clients)
    assert sorted(ours) == sorted(oracle)
    different = []
    for name in wanted:
        without_later_options(ours[name])
        without_our_words(ours[name])
        without_our_words(oracle[name])
        keep_ours(ours[name].get("subcommands", {}), oracle[name].get("subcommands", {}))
        different += differences(name, ours[name], oracle[name])
    assert not different, "\n".join(different)


def without_our_words(docs: dict) -> None:
    assert docs.get("summary") or docs["group"] == "module"
    for word in OUR_WORDS:
        docs.pop(word, None)
    # Of a sentence, the facts: the orders of growth, the commands and options to use instead.
    if "complexity" in docs:
        docs["complexity"] = list(dict.fromkeys(re.findall(r"O\([^()]*\)", docs["complexity"])))
    if "replaced_by" in docs:
        docs["replaced_by"] = re.findall(r"\b[A-Z]{2,}\b", docs["replaced_by"])
    docs["history"] = [entry[0] for entry in sorted(map(list, docs.get("history", [])))]  # versions; the rest is prose
    for subcommand in docs.get("subcommands", {}).values():
        without_our_words(subcommand)


def without_later_options(docs: dict) -> None:
    docs["history"] = [entry for entry in docs.get("history", []) if entry[0] not in LATER_VERSIONS]
    pending = [docs]
    while pending:
        branch = pending.pop()
        if "arguments" in branch:
            branch["arguments"] = [sole_choice(part) for part in branch["arguments"] if not is_later(part)]
            pending += branch["arguments"]


def sole_choice(part: dict) -> dict:
    """A choice of which only one is left, BGSAVE's SCHEDULE or CANCEL, is an option like others."""
    kept = [choice for choice in part.get("arguments", []) if not is_later(choice)]
    if part["type"] != "oneof" or len(kept) != 1 or len(part["arguments"]) == 1:
        return part
    return {**kept[0], **{word: part[word] for word in ("flags",) if word in part}}


def is_later(part: dict) -> bool:
    return part.get("since") in LATER_VERSIONS or (part["type"] == "pure-token" and part["token"] in LATER_WORDS)


def keep_ours(ours: dict, theirs: dict) -> None:
    """Subcommands that are not there yet are no difference."""
    for name in [name for name in theirs if name not in ours]:
        del theirs[name]


def differences(path: str, ours: object, theirs: object) -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted({*ours, *theirs}, key=str)
        missing = object()
        return [
            line
            for key in keys
            for line in differences(f"{path}.{key}", ours.get(key, missing), theirs.get(key, missing))
        ]
    if ours == theirs:
        return []
    return [f"{path}: ours {ours!r}, redis {theirs!r}"]


NUMBERED = ["ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD", "SINTERCARD", "LMPOP", "ZMPOP"]

KEY_REQUESTS = [
    *[f"{name} {number} a b c" for name in NUMBERED for number in (1, 2, 3, 4, 0, -1, "x")],
    *[f"{name} d {number} a b" for name in ("ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE") for number in (1, 2, 3, 0, "x")],
    "ZRANGESTORE d a 0 -1",
    "SINTERSTORE d a b",
    "LMOVE a b LEFT RIGHT",
    "SORT a",
    "SORT a STORE",
    "SORT a BY x* LIMIT 0 5 GET # GET y* DESC ALPHA store d",
    "SORT a STORE b STORE c",
    "SORT a BY STORE x",
    "SORT a GET STORE STORE x",
    "SORT a LIMIT STORE 1 STORE x",
    "SORT a LIMIT 0 STORE x",
    "SORT_RO a STORE b",
]

COMMAND_REQUESTS = [
    ("COMMAND", "INFO", "nosuch", "get", "GET"),
    ("COMMAND", "INFO", "config|get", "config|nosuch", "object|encoding"),
    ("COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2"),
    ("COMMAND", "GETKEYS", "PING"),
    ("COMMAND", "GETKEYS", "NOSUCH", "a"),
    ("COMMAND", "GETKEYS", "GET"),
    ("COMMAND", "GETKEYSANDFLAGS", "SET", "a", "1"),
    *[("COMMAND", "GETKEYSANDFLAGS", *request.split()) for request in KEY_REQUESTS],
    ("COMMAND", "DOCS", "nosuch"),
    ("COMMAND", "LIST", "FILTERBY", "MODULE", "nosuch"),
    ("COMMAND", "LIST", "FILTERBY", "NOSUCH", "x"),
    ("COMMAND", "LIST", "FILTERBY"),
    ("COMMAND", "NOSUCH"),
    ("COMMAND", "HELP"),
]


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("request_", COMMAND_REQUESTS, ids=lambda request: " ".join(request))
def test_command_raw(pair: tuple[Server, Server], request_: tuple[str, ...], protocol: int) -> None:
    replies = []
    for server in pair:
        with server.connect() as client:
            connection = Connection(client)
            connection.call("HELLO", protocol)
            replies.append(connection.call(*request_))
    if request_[1] == "HELP":
        assert all(reply[:1] == b"*" for reply in replies)
    else:
        assert replies[0] == replies[1]


CATEGORIES = ["string", "list", "set", "hash", "sortedset", "fast", "dangerous", "nosuch"]
FILTERS = [*[("ACLCAT", category) for category in CATEGORIES], ("PATTERN", "*get*"), ("PATTERN", "z*")]


def test_command_list_filters(clients: tuple[redis.Redis, redis.Redis]) -> None:
    known = set(names(clients[0]))
    for kind, argument in FILTERS:
        ours, oracle = (set(text(c.execute_command("COMMAND", "LIST", "FILTERBY", kind, argument))) for c in clients)
        assert ours - LATER == oracle & known


def test_later_commands_in_filters(clients: tuple[redis.Redis, redis.Redis]) -> None:
    in_string = set(text(clients[0].execute_command("COMMAND", "LIST", "FILTERBY", "ACLCAT", "string")))
    in_list, in_set = (
        set(text(clients[0].execute_command("COMMAND", "LIST", "FILTERBY", "ACLCAT", name))) for name in ("list", "set")
    )
    assert LATER_DATA <= in_string | in_list | in_set


def test_config_get_defaults(clients: tuple[redis.Redis, redis.Redis]) -> None:
    ours, oracle = (text(client.execute_command("CONFIG", "GET", "*")) for client in clients)
    own = {"port", "dir", "logfile", "pidfile", "unixsocket"}
    different = [
        f"{name}: ours {ours[name]!r}, redis {oracle[name]!r}"
        for name in sorted(set(ours) & set(oracle) - own)
        if ours[name] != oracle[name]
    ]
    assert not different, "\n".join(different)
    needed = """port bind unixsocket dir databases maxclients timeout tcp-backlog tcp-keepalive hz loglevel logfile
        requirepass proto-max-bulk-len client-query-buffer-limit client-output-buffer-limit huge-pages save
        appendonly""".split()
    assert set(needed) <= set(ours)


# Fields that belong to what is not there yet, or to how Redis is made.
ABSENT = re.compile(
    r"aof_|rdb_|module|repl|slave|master|lua|script|functions?_|vm_eval|eviction|evicted|maxmemory|"
    r"tracking|pubsub|watch|block(ed|ing)|pipe_|io_thread|sync_|latest_fork|total_forks|migrate|acl_|cluster|lazyfree|"
    r"allocator_|rss_overhead|mem_|used_memory_(vm|lua|scripts|functions|dataset|startup|overhead|peak_perc)|fragmentation|"
    r"total_system|number_of|gcc_|build_id|git_|atomicvar|monotonic|supervised|executable|listener|unexpected|dump_|"
    r"clients_in_timeout|reply_buffer|instantaneous_(ops_in|eventloop)|eventloop_|"
    r"expire_cycle|expired_stale|expired_time|expired_subkeys|total_eviction|current_eviction|client_recent|"
    r"shutdown_in|process_super|availability|subexpiry|internal"
)


def test_info_fields(clients: tuple[redis.Redis, redis.Redis]) -> None:
    for client in clients:
        client.execute_command("SET", "info", "x", "EX", "1000")
    for section in ("server", "clients", "memory", "stats", "keyspace"):
        ours, oracle = (fields(client, section) for client in clients)
        missing = [name for name in oracle if name not in ours and not ABSENT.search(name)]
        assert not missing, f"{section}: {missing}"
        for name in set(ours) & set(oracle):
            assert kind(ours[name]) == kind(oracle[name]), f"{name}: ours {ours[name]}, redis {oracle[name]}"


def fields(client: redis.Redis, section: str) -> dict[str, str]:
    reply = client.execute_command("INFO", section)
    lines = text(getattr(reply, "data", reply)).splitlines()
    assert lines[0].lower() == f"# {section}"
    return dict(line.split(":", 1) for line in lines[1:] if ":" in line)


def kind(value: str) -> str:
    if re.fullmatch(r"-?\d+", value):
        return "integer"
    if re.fullmatch(r"-?\d+\.\d+", value):
        return "float"
    if "=" in value:
        return "fields " + re.sub(r"=[^,]*", "", value)
    return "text"


def test_info_sections(pair: tuple[Server, Server]) -> None:
    requests = [("INFO", "nosuch"), ("INFO", "KEYSPACE"), ("INFO", "keyspace", "keyspace"), ("INFO", "nosuch", "keyspace")]
    replies = []
    for server in pair:
        with server.connect() as client:
            connection = Connection(client)
            connection.send(encode("FLUSHALL") + encode("SET", "k", "v"), 2)
            replies.append([connection.call(*request) for request in requests])
    assert replies[0] == replies[1]


def test_statistics_count(pair: tuple[Server, Server]) -> None:
    """The counters people watch, after the same work."""
    watched = """total_commands_processed keyspace_hits keyspace_misses expired_keys total_error_replies
        total_connections_received rejected_connections""".split()
    counted = []
    for server in pair:
        with server.connect() as client:
            connection = Connection(client)
            connection.send(encode("FLUSHALL") + encode("CONFIG", "RESETSTAT"), 2)
            work = [("SET", "k", "v"), ("GET", "k"), ("GET", "nosuch"), ("MGET", "k", "nosuch"), ("EXISTS", "k", "nosuch")]
            # Redis removes what has expired only when it is asked for it or comes across it.
            work += [("NOSUCH",), ("INCR", "k"), ("GET",), ("SET", "e", "v", "PXAT", "1"), ("GET", "e")]
            work += [("TTL", "k"), ("DEL", "k")]
            work += [("GETEX", "nosuch"), ("STRLEN", "k"), ("TYPE", "k"), ("TOUCH", "k"), ("OBJECT", "ENCODING", "k")]
            for command in work:
                connection.call(*command)
            info = connection.call("INFO", "stats").decode()
            counted.append({name: re.search(rf"^{name}:(\d+)", info, re.M)[1] for name in watched})
    assert counted[0] == counted[1]
