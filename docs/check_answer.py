"""Check an answer that carries its proof, with Python's standard library alone and none of the ledger's code.

    python3 check_answer.py FILE [VKEY …]

FILE: what `itsm-ledger show`, `diff` or `state` wrote with `--proof FILE` (itsm-ledger-answer@v1, see proof.md).
VKEY: a verifier key that you trust; without one, the key that the file names is believed. Ends with 0 and one
sentence if the answer is what the signed log says. Written to be read: that is the point of it.
"""
# ruff: noqa: INP001, T201 - a script for readers, which belongs to no package and prints its verdict

import base64
import hashlib
import json
import re
import sys
from itertools import groupby
from pathlib import Path

P = 2**255 - 19  # the field of Ed25519, RFC 8032 section 5.1
L = 2**252 + 27742317777372353535851937790883648493  # the order of its group
D = -121665 * pow(121666, -1, P) % P
SQRT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
MOST_BYTES = 1 << 30
MOMENTS = {"state": ["as_of"], "difference": ["from", "to"]}
MEMBERS = "format origin vkey checkpoint question answer entries inclusion disclosures"
# One form of times, so that their text sorts as they do.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def require(holds, otherwise):
    if not holds:
        raise ValueError(otherwise)


def sha256(data):
    return hashlib.sha256(data).digest()


def unbase64(text):
    raw = base64.b64decode(text)
    require(base64.b64encode(raw).decode() == text, "base64 that is spelt in another way")
    return raw


def parse(text):
    """JSON in which no object names a member twice: two parsers could read two things in it."""

    def members(pairs):
        require(len(dict(pairs)) == len(pairs), "a member is named twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=members)


def same(one, other):
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)  # true is not 1


# --- the signature: RFC 8032 section 5.1, and c2sp.org/signed-note ---


def add(p, q):
    (x1, y1), (x2, y2) = p, q
    t = D * x1 * x2 * y1 * y2
    return (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def times(point, n):
    result = (0, 1)
    while n:
        result = add(result, point) if n % 2 else result
        point, n = add(point, point), n // 2
    return result


def point_from(encoded):
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P)
    x = pow(x2, (P + 3) // 8, P)
    x = x if (x * x - x2) % P == 0 else x * SQRT_OF_MINUS_1 % P
    require((x * x - x2) % P == 0, "this is no point of the curve")
    return (x if x % 2 == encoded[31] >> 7 else P - x), y


def is_signed(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    base = point_from((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    return s < L and times(base, s) == add(point_from(r), times(point_from(key), h))


def head_signed_by(vkey, note):
    """Origin, size and root of the checkpoint, once the key has signed it."""
    name, key_id, material = vkey.strip().split("+", 2)
    key = unbase64(material)
    own_id = sha256(f"{name}\n".encode() + key)[:4]
    require(key[0] == 1 and own_id.hex() == key_id, f"{vkey} is no Ed25519 key")
    text, _, signatures = note.rpartition("\n\n")
    origin, size, root = text.split("\n")[:3]
    for line in signatures.split("\n"):
        if line.startswith(f"— {name} "):
            raw = unbase64(line.split(" ")[2])
            signed = raw[:4] == own_id and is_signed(key[1:], f"{text}\n".encode(), raw[4:])
            if signed and len(raw) == 68:
                return origin, int(size), unbase64(root)
    raise ValueError(f"the checkpoint is NOT signed by {name}+{key_id}")


# --- the tree: RFC 6962 section 2.1, where subtrees without any of the entries are told as a hash ---


def root_of(low, high, leaves, hashes):
    """`leaves`: (index, leaf hash) of those within, by index. Takes from `hashes` what the others amount to."""
    if not leaves:
        require(hashes, "the proof has too few hashes")
        return hashes.pop()
    if high - low == 1:
        return leaves[0][1]
    middle = low + (1 << (high - low - 1).bit_length() - 1)
    left = root_of(low, middle, [leaf for leaf in leaves if leaf[0] < middle], hashes)
    right = root_of(middle, high, [leaf for leaf in leaves if leaf[0] >= middle], hashes)
    return sha256(b"\x01" + left + right)


# --- the state: RFC 7396, and corrections in the places of what they correct ---


def merged(state, patch):
    state = dict(state) if isinstance(state, dict) else {}
    for name, value in patch.items():
        if value is None:
            state.pop(name, None)
        else:
            state[name] = merged(state.get(name), value) if isinstance(value, dict) else value
    return state


def reading(entries, moment):
    """(version, state, positions whose word counts) at a moment."""
    known = [e for e in entries if e["position"] <= moment["position"]]
    if moment["basis"] == "known":
        words = [("", e["position"], e["data"], e["position"]) for e in known]
        version = len(words)
    else:
        newest = {e["corrects"]: e for e in known if "corrects" in e}
        words = []
        for e in (e for e in known if "corrects" not in e):
            said = newest.get(e["position"], e)
            time = said.get("effectivetime", e["time"])
            if time <= moment["at"]:
                words.append((time, e["position"], said["says"], said["position"]))
        places = {place for _, place, _, _ in words}
        version = len(words) + sum(e.get("corrects") in places for e in known)
    state = {}
    for _, _, says, _ in sorted(words, key=lambda word: word[:2]):
        state = merged(state, says)
    return version, state, {position for _, _, _, position in words}


def differing(prefix, old, new):
    """Path → (old, new), member by member where both are objects, or one is where nothing was."""
    for name in {**old, **new}:
        a, b = old.get(name), new.get(name)
        there = [value for value in (a, b) if value is not None]
        if all(isinstance(value, dict) for value in there) and (len(there) == 2 or there[0]):
            yield from differing(f"{prefix}{name}.", a or {}, b or {})
        elif a != b or type(a) is not type(b):
            yield prefix + name, (a, b)


def states(patch, path):
    """Does the patch state or clear the field, a part of it, or all of an object it lies in?"""
    for name, value in patch.items():
        rest = path.removeprefix(f"{name}.")
        if path == name or (rest != path and (not isinstance(value, dict) or states(value, rest))):
            return True
    return False


def touches(e, path, known):
    """A correction speaks about all that was ever said in its target's place."""
    place = e.get("corrects")
    told = [x for x in known if place in (x.get("corrects"), x["position"])] if place else [e]
    return any(states(x["says"], path) for x in told)


def answer_about(subject, entries, moments):
    found = [reading(entries, moment) for moment in moments]
    if len(found) == 1:
        return {"subject": subject, "version": found[0][0], "state": found[0][1]}
    (was, before, said_before), (became, after, said_after) = found
    known = [e for e in entries if e["position"] <= max(moment["position"] for moment in moments)]
    between = [e for e in known if e["position"] in said_before ^ said_after]
    fields = [
        {
            "field": path,
            "from": old,
            "to": new,
            "positions": [e["position"] for e in between if touches(e, path, known)],
        }
        for path, (old, new) in dict(differing("", before, after)).items()
    ]
    return {"subject": subject, "from_version": was, "to_version": became, "fields": fields}


# --- the file ---


def fact(position, text):
    """An entry, as far as folding it goes; it is known to be in the log."""
    told = parse(text)
    is_here = type(position) is int and told["sequence"] == f"{position:019d}"
    require(is_here, f"the entry at {position} says that it is another")
    found = {"position": position, "data": told["data"], "says": told["data"]}
    found |= {name: told[name] for name in ("subject", "subjectversion", "time", "recordedtime")}
    if told.get("corrects") is not None:
        # `known` folds a correction's `data`, `effect` what it says should stand in its target's place.
        found |= {"corrects": told["corrects"], "says": parse(told["replacement"])}
        found |= {name: told[name] for name in ["effectivetime"] if told.get(name)}
    patches = found["data"], found["says"]
    require(all(isinstance(one, dict) for one in patches), f"the entry at {position} is no patch")
    for name in {"time", "recordedtime", "effectivetime"} & set(found):
        require(TIME.fullmatch(found[name]), f"the entry at {position} has no time as expected")
    return found


def check_moment(asked, found, size, entries):
    """The answer is about the moment that was asked for, and the entries decide what counts."""
    basis, at, known_at, position = (
        asked[name] for name in ("basis", "at", "known_at", "position")
    )
    require(
        len(asked) == 4 and same(asked | {"position": 0}, found | {"position": 0}), "moments differ"
    )
    require(all(time is None or TIME.fullmatch(time) for time in (at, known_at)), "no times")
    require(position is None or (type(position) is int and position > 0), "no position")
    known, effect = basis == "known" and not known_at, basis == "effect" and at and not position
    require((known and not (at and position)) or effect, "the moment contradicts itself")
    bound, last = at if known else known_at, found["position"]
    require(type(last) is int and 0 <= last <= size, "the answer is of no position")
    require(last == (position or (last if bound else size)), "the answer is of another position")
    for e in entries if bound else ():
        in_time = e["recordedtime"] <= bound
        require(in_time == (e["position"] <= last), f"entry {e['position']} counts at another time")


def check(raw, trusted):
    require(len(raw) <= MOST_BYTES, "the file is too large")
    file = parse(raw.decode())
    require(file["format"] == "itsm-ledger-answer@v1", "the file is of another format")
    require(set(file) == set(MEMBERS.split()), "the file has other members")
    for vkey in [file["vkey"], *trusted]:
        origin, size, root = head_signed_by(vkey, file["checkpoint"])
    require(origin == file["origin"], "the checkpoint is of another log")

    texts = {e["position"]: e["entry"] for e in file["entries"] if len(e) == 2}
    require(len(texts) == len(file["entries"]), "an entry is there twice, or with more to it")
    leaves = [(at - 1, sha256(b"\0" + text.encode())) for at, text in sorted(texts.items())]
    require(leaves and leaves[0][0] >= 0 and leaves[-1][0] < size, "entries are not in the log")
    hashes = [unbase64(text) for text in reversed(file["inclusion"])]
    computed = root_of(0, size, leaves, hashes)
    require(computed == root and not hashes, "the entries are NOT those that were signed")

    question, answer = file["question"], file["answer"]
    subjects, kind = question["subjects"], question["kind"]
    names, answers = MOMENTS[kind], answer[f"{kind}s"]
    require(set(question) == {"kind", "subjects", "chosen_by", *names}, "another question")
    require(isinstance(question["chosen_by"], str | None), "the choice is told by no text")
    require(set(answer) == {f"{kind}s", *names}, "an answer to another question")
    entries = [fact(position, text) for position, text in texts.items()]
    for name in names:
        check_moment(question[name], answer[name], size, entries)
    own = [(subject, list(es)) for subject, es in groupby(entries, lambda e: e["subject"])]
    require([subject for subject, _ in own] == subjects, "entries are of other subjects")
    require(len(answers) == len(own) == len(set(subjects)), "not one answer for each subject")
    moments = [answer[name] for name in names]
    for (subject, es), told in zip(own, answers, strict=True):
        require([e["subjectversion"] for e in es] == [*range(1, len(es) + 1)], f"{subject}: a gap")
        require(es == sorted(es, key=lambda e: e["position"]), f"{subject}: another order")
        computed = answer_about(subject, es, moments)
        for one in (computed, told):
            one.get("fields", []).sort(key=lambda field: field["field"])
        require(same(computed, told), f"the answer about {subject} is NOT what its entries say")

    stated, disclosures = json.dumps(answers), file["disclosures"]
    require(len(set(disclosures)) == len(disclosures), "a disclosure is there twice")
    for text in disclosures:
        digest = base64.urlsafe_b64encode(sha256(text.encode("ascii"))).decode().rstrip("=")
        require(f'"sd:sha-256:{digest}"' in stated, "a disclosure is of nothing in the answer")
        _salt, _path, _value = parse(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    unseen = [f"what was recorded after entry {size}"]
    if len(entries) < size:
        last = max(moment["position"] for moment in moments)
        if any(es[-1]["position"] <= last for _, es in own):
            unseen.append("whether a newest version within them was left out")
        unseen += ["whether a subject was left out"] if len(own) > 1 else []
    chosen_by = question["chosen_by"]
    unseen += [f"whether the subjects are those chosen by {chosen_by!r}"] if chosen_by else []
    unseen += [f"whose key {file['vkey']} is"] if not trusted else []
    who = subjects[0] if len(own) == 1 else f"{len(own)} subjects"
    return (
        f"accepted: the answer about {who} is what {len(entries)} of the first {size} entries of "
        f"{origin} say; not shown: {', '.join(unseen)}"
    )


if __name__ == "__main__":
    try:
        with Path(sys.argv[1]).open("rb") as file:
            print(check(file.read(MOST_BYTES + 1), sys.argv[2:]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OSError) as fault:
        sys.exit(f"REFUSED: {fault if isinstance(fault, ValueError) else repr(fault)}")
