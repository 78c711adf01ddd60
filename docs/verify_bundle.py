#!/usr/bin/env python3
"""Checks an evidence bundle offline, from docs/FORMAT.md alone and with nothing but the standard library.

    verify_bundle.py BUNDLE --trust DIR       exit code 0 passed, 1 failed, 2 indeterminate, 3 unusable input
    verify_bundle.py --vectors FILE           checks docs/vectors/format-v1.json instead

It shares no code with the ledger. Numbers in comments are sections of docs/FORMAT.md. Signatures of participants (CMS)
are checked with the program openssl where it is present; revocation, times of validity and the rules of the exchange
are left to `ledger-audit verify`, and said to be.
"""
import base64
import calendar
import datetime
import hashlib
import hmac
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib

HEX64 = re.compile(r"[0-9a-f]{64}\Z")
HEX32 = re.compile(r"[0-9a-f]{32}\Z")
TIME_FORM = re.compile(r"(19[7-9]\d|[2-9]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z\Z")


class TIME:
    """Times of section 2."""

    @staticmethod
    def match(text):
        try:
            datetime.date.fromisoformat(text[:10])
        except ValueError:
            return None
        return TIME_FORM.match(text)


EVENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
SLOT = re.compile(r"[a-z0-9-]{1,32}\Z")
CLAUSE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})*\Z")
VERSION = re.compile(r"[a-z0-9.-]{1,40}\Z")
DOCUMENT_TYPE = re.compile(r"[a-z0-9-]{1,32}\Z")
LEAF_MAX = 60 * 1024
CONTAINER_MAX = 512 * 1024 * 1024
ENTRIES_MAX = 10_000


class Bad(Exception):
    """The input is not what the format demands."""


class Unusable(Exception):
    """There is nothing to verify."""


def need(holds, text):
    if not holds:
        raise Bad(text)


# ---------------------------------------------------------------- canonical JSON (2)

def canonical(value, depth=0):
    """The one spelling of a value; refuses what the profile cannot say."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        need(0 <= value < 2 ** 53, "an integer beyond 0..2^53-1")
        return str(value)
    if isinstance(value, str):
        for character in value:
            code = ord(character)
            need(code >= 0x20, "a control character")
            need(not 0xD800 <= code <= 0xDFFF, "a lone surrogate")
            need(not (0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE), "a noncharacter")
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    need(isinstance(value, (list, dict)), "null, a float or something else")
    need(len(value) > 0, "an empty array or object")
    need(depth < 7, "nested deeper than 8")
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, depth + 1) for item in value) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(canonical(name) + ":" + canonical(value[name], depth + 1) for name in names) + "}"


def parse(data, limit=LEAF_MAX):
    """Reads bytes that must be canonical."""
    need(limit is None or len(data) <= limit, "more than 60 KiB")

    def members(pairs):
        need(len({name for name, _ in pairs}) == len(pairs), "a member twice")
        return dict(pairs)

    def refuse(text):
        raise Bad("not a number of the profile: " + text)

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=members, parse_float=refuse, parse_constant=refuse)
        text = canonical(value).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Bad("not JSON: %s" % error) from None
    need(text == data, "not canonical")
    return value


def members(value, required, optional=""):
    """A closed schema."""
    required, optional = set(required.split()), set(optional.split())
    need(isinstance(value, dict), "not an object")
    need(required <= set(value), "missing: " + " ".join(sorted(required - set(value))))
    need(set(value) <= required | optional, "unknown: " + " ".join(sorted(set(value) - required - optional)))


def is_uint(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(pattern, value):
    return isinstance(value, str) and pattern.match(value) is not None


# ---------------------------------------------------------------- hashes (3)

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(data):
    return sha256(b"\0", data)


def node_hash(left, right):
    return sha256(b"\1", left, right)


def split(size):
    """The largest power of two below size."""
    return 1 << (size - 1).bit_length() - 1


def tree_root(leaves):
    """RFC 6962 over leaf hashes, with the stack of complete subtrees that it has at each moment."""
    stack = []
    for number, node in enumerate(leaves, 1):
        while number & 1 == 0:
            node = node_hash(stack.pop(), node)
            number >>= 1
        stack.append(node)
    if not stack:
        return sha256()
    root = stack.pop()
    while stack:
        root = node_hash(stack.pop(), root)
    return root


def stream_key(kind, identifier):
    kind, identifier = kind.encode(), identifier.encode()
    return sha256(b"edl/v1/stream\0", bytes([len(kind)]), kind, bytes([len(identifier)]), identifier)


def stream_leaf(index, leaf):
    return leaf_hash(b"edl/v1/streamleaf\0" + struct.pack(">Q", index) + leaf)


def stream_head(count, root):
    return sha256(b"edl/v1/streamhead\0", struct.pack(">Q", count), root)


def payload_commitment(event, slot, salt, data):
    """Bucket and both digests (6)."""
    bucket = 64
    while bucket < len(data):
        bucket *= 2
    head = b"edl/v1/payload\0" + salt + bytes.fromhex(event.replace("-", "")) + bytes([len(slot)]) + slot.encode()
    whole = head + struct.pack(">Q", len(data)) + data + bytes(bucket - len(data))
    return {"bucket": bucket, "sha256": hashlib.sha256(whole).hexdigest(), "sha3": hashlib.sha3_256(whole).hexdigest(), "slot": slot}


# ---------------------------------------------------------------- Ed25519 (RFC 8032), verification only

P = 2 ** 255 - 19
L = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point_add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    p, q = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    r, s = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = q - p, s - r, s + r, q + p
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_decode(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P != 0 or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def is_small(point):
    return point_equal(point_multiply(8, point), (0, 1, 1, 0))


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r, s = point_decode(key), point_decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or is_small(a) or is_small(r):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return point_equal(point_multiply(s, BASE), point_add(r, point_multiply(k, a)))


# ---------------------------------------------------------------- notes (9)

def strict_base64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Bad("not base64") from None
    need(base64.b64encode(data).decode() == text, "not base64 in its one spelling")
    return data


def verifier_key(text):
    """(name, key id, public key) of a plain Ed25519 key."""
    name, plus, rest = text.partition("+")
    identifier, second, encoded = rest.partition("+")
    need(plus and second and name and not re.search(r"[\s+\x00-\x1f\x7f]", name), "not a verifier key")
    data = strict_base64(encoded)
    need(len(data) == 33 and data[0] == 1, "not a plain Ed25519 key")
    expected = sha256(name.encode(), b"\n\1", data[1:])[:4]
    need(expected.hex() == identifier, "the key id does not fit name and key")
    point = point_decode(data[1:])
    need(point is not None and not is_small(point), "not a usable key")
    return name, expected, data[1:]


def open_checkpoint(data, origin, key):
    """Size and root of a checkpoint signed by the key."""
    need(len(data) <= 1_000_000, "a note of more than 1000000 bytes")
    try:
        note = data.decode("utf-8")
    except ValueError:
        raise Bad("the note is not UTF-8") from None
    text, blank, lines = note.rpartition("\n\n")
    need(blank and lines.endswith("\n"), "not a signed note")
    text += "\n"
    need(not any(ord(c) < 0x20 and c != "\n" for c in text), "a control character in the note")
    name, identifier, public = key
    verified = False
    lines = lines[:-1].split("\n")
    need(len(lines) <= 100, "too many signatures")
    for line in lines:
        match = re.match("\u2014 ([^\\s+]+) ([A-Za-z0-9+/=]+)\\Z", line)
        need(match, "a signature line is not one")
        signature = strict_base64(match[2])
        need(len(signature) > 4, "a signature line is not one")
        if match[1] == name and signature[:4] == identifier:
            need(ed25519_verify(public, text.encode(), signature[4:]), "the signature of the log's key is not valid")
            verified = True
    need(verified, "no signature by the trusted key")
    body = text[:-1].split("\n")
    need(len(body) >= 3 and "" not in body, "not a checkpoint")
    need(body[0] == origin, "the checkpoint is of the log " + body[0])
    need(re.match(r"(0|[1-9]\d*)\Z", body[1]) and int(body[1]) < 2 ** 64, "the size is not a number")
    root = strict_base64(body[2])
    need(len(root) == 32, "the root is not 32 bytes")
    return int(body[1]), root


# ---------------------------------------------------------------- proofs (10)

def multiproof_root(size, nodes, leaves):
    """The root to which sorted (index, leaf hash) and nodes lead."""
    nodes = iter(nodes)
    indexes = [index for index, _ in leaves]
    need(indexes == sorted(set(indexes)) and all(0 <= index < size for index in indexes), "indexes out of order or range")

    def fold(start, end, some):
        if not some:
            node = next(nodes, None)
            need(node is not None, "the proof has too few hashes")
            return node
        if end - start == 1:
            return some[0][1]
        middle = start + split(end - start)
        left = fold(start, middle, [leaf for leaf in some if leaf[0] < middle])
        return node_hash(left, fold(middle, end, [leaf for leaf in some if leaf[0] >= middle]))

    root = fold(0, size, leaves)
    need(next(nodes, None) is None, "the proof has too many hashes")
    return root


def bit_of(key, bit):
    return key[bit >> 3] >> 7 - (bit & 7) & 1


def varint(bit):
    return bytes([bit]) if bit < 128 else bytes([bit, 1])


def map_leaf(key, value):
    return sha256(b"\0\x20", key, b"\x20", value)


def map_path_root(proof, key, value):
    """The root to which a proof of presence leads."""
    need(len(proof) <= 256 * 34, "a map proof too long")
    at, last, node = 0, 256, map_leaf(key, value)
    while at < len(proof):
        bit = proof[at]
        at += 1
        if bit >= 128:
            need(proof[at:at + 1] == b"\1", "a varint of the map proof")
            at += 1
        sibling = proof[at:at + 32]
        at += 32
        need(len(sibling) == 32, "the map proof is cut")
        need(bit < last, "bits of the map proof out of order")
        last = bit
        pair = (sibling, node) if bit_of(key, bit) else (node, sibling)
        node = sha256(b"\1", varint(bit), *pair)
    return node


# ---------------------------------------------------------------- container (11)

NAME_PART = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?\Z")
MIMETYPE = b"application/vnd.etsi.asic-e+zip"


def read_container(data):
    """(files by name, names whose checksum is wrong)."""
    at, directory, files, folded, damaged, last = 0, b"", {}, set(), [], None
    while data[at:at + 4] == b"PK\3\4":
        need(len(files) < ENTRIES_MAX, "too many entries")
        need(len(data) >= at + 30, "the file is cut")
        crc, size = struct.unpack_from("<II", data, at + 14)
        length, = struct.unpack_from("<H", data, at + 26)
        raw = data[at + 30:at + 30 + length]
        try:
            name = raw.decode("ascii")
        except ValueError:
            raise Bad("byte %d: a name" % at) from None
        need(0 < len(raw) == length <= 240 and all(NAME_PART.match(part) for part in name.split("/")), "byte %d: a name" % at)
        in_place = name == "mimetype" if last is None else name != "mimetype" and (last == "mimetype" or last < name)
        need(in_place and name.lower() not in folded, "byte %d: a name doubled or out of order" % at)
        fields = b"\x14\0\0\0\0\0\0\0\x21\0" + struct.pack("<IIIHH", crc, size, size, length, 0)
        need(data[at:at + 30] == b"PK\3\4" + fields, "byte %d: a local header" % at)
        content = data[at + 30 + length:at + 30 + length + size]
        need(len(content) == size, "the file is cut")
        directory += b"PK\1\2\x14\0" + fields + bytes(10) + struct.pack("<I", at) + raw
        if zlib.crc32(content) != crc:
            damaged.append(name)
        files[name] = content
        folded.add(name.lower())
        last, at = name, at + 30 + length + size
    count = len(files)
    end = b"PK\5\6" + bytes(4) + struct.pack("<HHIIH", count, count, len(directory), at, 0)
    need(data[at:] == directory + end, "the directory at the end (from byte %d)" % at)
    need(files.pop("mimetype", None) == MIMETYPE, "mimetype")
    return files, damaged


MEDIA = {"json": "application/json", "txt": "text/plain", "p7s": "application/pkcs7-signature", "pdf": "application/pdf",
         "xml": "application/xml", "jpg": "image/jpeg", "png": "image/png", "der": "application/pkix-cert",
         "crl": "application/pkix-crl"}


def asic_manifest(names):
    lines = ['<?xml version="1.0" encoding="UTF-8"?>',
             '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">']
    entry = '<manifest:file-entry manifest:full-path="%s" manifest:media-type="%s"/>'
    lines.append(entry % ("/", MIMETYPE.decode()))
    for name in sorted(name for name in names if not name.startswith("META-INF/")):
        lines.append(entry % (name, MEDIA.get(name.rpartition(".")[2], "application/octet-stream")))
    return "\n".join(lines + ["</manifest:manifest>", ""]).encode()


# ---------------------------------------------------------------- records and events (4, 5)

def check_stream(kind, identifier):
    if kind in ("certificate", "key", "identity"):
        return is_text(HEX64, identifier)
    if kind in ("delivery", "dispute", "document", "participant"):
        return is_text(HEX32, identifier)
    return kind == "ledger" and is_origin(identifier)


def is_origin(text):
    return is_text(re.compile(r"[0-9a-z._/-]{34,80}\Z"), text) and is_text(HEX32, text.rpartition("/")[2])


def check_record(data):
    """A record of section 4."""
    record = parse(data)
    members(record, "actor at basis cause data id prev seq streams t type v", "sealed")
    need(record["t"] == "edl/v1/event", "t is not edl/v1/event")
    members(record["actor"], "capacity", "participant user")
    need(record["actor"]["capacity"] in ("participant", "operator", "system"), "capacity")
    need(all(is_text(HEX32, record["actor"].get(name, "0" * 32)) for name in ("participant", "user")), "actor")
    need(is_text(TIME, record["at"]), "at")
    members(record["basis"], "clauses terms")
    clauses = record["basis"]["clauses"]
    need(isinstance(clauses, list) and len(clauses) <= 16 and all(is_text(CLAUSE, clause) and len(clause) <= 20 for clause in clauses), "clauses")
    need(is_text(VERSION, record["basis"]["terms"]), "terms")
    members(record["cause"], "command request", "event")
    need(is_text(HEX64, record["cause"]["command"]) and is_text(HEX64, record["cause"]["request"]), "cause")
    need("event" not in record["cause"] or is_text(EVENT_ID, record["cause"]["event"]), "cause")
    need(isinstance(record["data"], dict), "data")
    need(is_text(EVENT_ID, record["id"]) and is_text(HEX64, record["prev"]), "id, prev")
    need(is_uint(record["seq"]) and is_uint(record["v"]), "seq, v")
    streams = record["streams"]
    need(isinstance(streams, list) and len(streams) <= 64, "streams")
    need(all(isinstance(one, list) and len(one) == 2 and check_stream(*one) for one in streams), "a stream")
    need(streams[1:] == sorted(streams[1:]) and len({tuple(one) for one in streams}) == len(streams), "streams: order")
    sealed = record.get("sealed", [])
    need(isinstance(sealed, list) and len(sealed) <= 64, "sealed")
    for one in sealed:
        members(one, "bucket sha256 sha3 slot")
        need(is_text(HEX64, one["sha256"]) and is_text(HEX64, one["sha3"]) and is_text(SLOT, one["slot"]), "sealed")
        bucket = one["bucket"]
        need(is_uint(bucket) and 64 <= bucket <= 64 * 1024 * 1024 and bucket & bucket - 1 == 0, "a bucket")
    slots = [one["slot"] for one in sealed]
    need(slots == sorted(set(slots)), "slots: order")
    check_event(record)
    return record


PARTIES = "delivery document recipient sender"
# type: (home, also names, required members, optional members, required slots, optional slots)
EVENTS = {
    "participant.registered": ("participant", "identity", "identity identity_kind kind participant", "", "client-data", ""),
    "agreement.accepted": ("participant", "", "method participant terms", "", "", ""),
    "certificate.registered": ("certificate", "key participant", "certificate key not_after not_before participant policy trust", "",
                               "certificate possession report", "chain evidence"),
    "key.compromise_reported": ("key", "certificate participant",
                                "certificate channel claimed_since key learned_at participant received_at", "", "", "statement"),
    "key.use_suspended": ("key", "participant", "ground key participant", "", "", ""),
    "key.annulled": ("key", "participant", "compromised_since key notice participant", "", "", ""),
    "key.use_resumed": ("key", "participant", "ground key notice participant", "", "", ""),
    "document.formed": ("document", "sender slots", "document format formats sender slots", "document_type", "content content-info", ""),
    "document.signature_applied": ("document", "signer", "document signature slot", "", "cms report", "evidence"),
    "document.finding_recorded": ("document", "signer", "document event signature slot", "reasons", "report", "evidence"),
    "document.sent": ("document", "sender", "document sender", "", "", ""),
    "delivery.opened": ("delivery", "document parties", PARTIES + " answer", "", "", ""),
    "delivery.accounted": ("delivery", "document parties", PARTIES + " policy signatures trust", "evidence", "", ""),
    "delivery.receipt_issued": ("delivery", "parties", PARTIES, "", "", ""),
    "delivery.receipt_delivered": ("delivery", "parties", PARTIES, "", "", ""),
    "delivery.deemed_not_received": ("delivery", "document parties", PARTIES + " policy reasons trust", "evidence signatures", "", ""),
    "delivery.countersignature_applied": ("delivery", "document parties signer", PARTIES + " reservations signature", "",
                                          "cms report", "evidence reservations"),
    "delivery.finding_recorded": ("delivery", "document parties signer", PARTIES + " event signature", "reasons slot", "report", "evidence"),
    "delivery.answer_refused": ("delivery", "document parties signer", PARTIES + " signature", "", "cms reason report", "evidence"),
    "delivery.recalled": ("delivery", "document parties signer", PARTIES + " signature", "", "cms report", "evidence"),
    "delivery.withdrawn": ("delivery", "document parties signer", PARTIES + " signature", "", "cms reason report", "evidence"),
    "delivery.annulment_proposed": ("delivery", "document parties signer", PARTIES + " proposal signature", "", "cms reason report", "evidence"),
    "delivery.annulment_accepted": ("delivery", "document parties signer", PARTIES + " proposal signature", "", "cms report", "evidence"),
    "delivery.annulment_refused": ("delivery", "document parties signer", PARTIES + " proposal signature", "", "cms reason report", "evidence"),
    "delivery.annulment_proposal_withdrawn": ("delivery", "document parties signer", PARTIES + " proposal signature", "", "cms report", "evidence"),
    "delivery.annulled": ("delivery", "document parties", PARTIES + " proposal", "", "", ""),
    "ledger.trust_published": ("ledger", "", "origin policy trust", "", "policy trust", ""),
    "ledger.crl_recorded": ("ledger", "", "crl issuer origin this_update", "next_update", "crl", ""),
    "command.refused": ("participant", "", "attempts codes command participant", "root", "details", ""),
}
ACTS = {"delivery.answer_refused": "refuse-answer", "delivery.recalled": "recall", "delivery.withdrawn": "withdraw",
        "delivery.annulment_proposed": "propose-annulment", "delivery.annulment_accepted": "accept-annulment",
        "delivery.annulment_refused": "refuse-annulment", "delivery.annulment_proposal_withdrawn": "withdraw-annulment-proposal"}

OVER_DOCUMENT = ("document.signature_applied", "delivery.countersignature_applied")
FINDINGS = ("document.finding_recorded", "delivery.finding_recorded")
ROLES = ("individual", "legal-entity", "head", "may-sign", "may-sign-financial", "human-resources", "employee", "information-system",
         "treasury-client", "authority-staff", "identification")
GROUNDS = {"key.use_suspended": "compromise", "key.use_resumed": "false-alarm"}


def is_about_receipt(record):
    """Whether a finding has the moment of a receipt too (5)."""
    return record["type"] == FINDINGS[1] and "slot" in record["data"]


def word(*words):
    return lambda value: isinstance(value, str) and value in words


def each(pattern, names):
    return dict.fromkeys(names.split(), lambda value: is_text(pattern, value))


def is_rising(value):
    return isinstance(value, list) and all(isinstance(one, str) for one in value) and value == sorted(set(value))


FORMS = {
    **each(HEX64, "identity certificate key policy trust crl issuer root"),
    **each(HEX32, "participant document delivery sender recipient"),
    **each(TIME, "not_after not_before learned_at claimed_since received_at this_update next_update compromised_since proven_at"),
    **each(EVENT_ID, "event notice"),
    **each(VERSION, "terms formats"),
    **dict.fromkeys("slot proposal attempts group".split(), is_uint),
    **dict.fromkeys("reservations mandatory".split(), lambda value: isinstance(value, bool)),
    **dict.fromkeys("reasons codes".split(), is_rising),
    "origin": is_origin, "command": lambda value: isinstance(value, str),
    "evidence": lambda value: is_rising(value) and all(is_text(EVENT_ID, one) for one in value),
    "identity_kind": word("bin", "iin"), "kind": word("legal-entity", "individual-entrepreneur", "individual"),
    "method": word("operator-registration"), "channel": word("phone", "written", "api"), "ground": lambda value: True,
    "verdict": word("passed", "failed", "indeterminate"), "answer": word("required", "not-required"),
    "format": word("pdf", "xml", "json", "text", "scan-pdf", "scan-jpeg", "scan-png"),
    "signature": lambda value: isinstance(value, dict), "signatures": lambda value: isinstance(value, list),
    "required_role": word(*ROLES),
    "slots": lambda value: isinstance(value, list), "document_type": lambda value: is_text(DOCUMENT_TYPE, value),
}


def check_forms(data):
    for name, value in data.items():
        need(FORMS[name](value), "member " + name)


def check_event(record):
    """Members and slots of section 5; streams are compared by the caller."""
    need(record["type"] in EVENTS and record["v"] == 1, "unknown event %s version %s" % (record["type"], record["v"]))
    _, _, required, optional, slots, optional_slots = EVENTS[record["type"]]
    data = record["data"]
    members(data, required, optional)
    check_forms(data)
    for slot in data.get("slots", []):
        members(slot, "group mandatory participant slot", "required_role")
        check_forms(slot)
    if "signature" in data:
        members(data["signature"], "certificate key participant policy trust verdict", "evidence proven_at")
        check_forms(data["signature"])
        verdicts = {"passed"}
        if record["type"] in OVER_DOCUMENT:
            verdicts.add("indeterminate")
        if record["type"] in FINDINGS:
            verdicts |= {"indeterminate", "failed"}
        need(data["signature"]["verdict"] in verdicts, "a signature that did not pass makes no event")
    if record["type"] in FINDINGS:
        need(bool(data.get("reasons")) == (data["signature"]["verdict"] == "failed"), "reasons of a finding")
        need(not is_about_receipt(record) or "proven_at" not in data["signature"], "a check at the receipt proves no time")
    if "ground" in data:
        need(data["ground"] == GROUNDS.get(record["type"]), "member ground")
    slots, optional_slots = set(slots.split()), set(optional_slots.split())
    for one in data.get("signatures", []):
        members(one, "certificate slot verdict")
        check_forms(one)
        slots.add("report-%d" % one["slot"])
        optional_slots.add("evidence-%d" % one["slot"])
    given = {one["slot"] for one in record.get("sealed", [])}
    need(slots <= given <= slots | optional_slots, "payload slots of " + record["type"])


def streams_of(record):
    """f(type, v, data) (5)."""
    home, also, *_ = EVENTS[record["type"]]
    data = record["data"]
    signed = data.get("signature", {})
    named = {
        "participant": lambda: [["participant", data["participant"]]],
        "sender": lambda: [["participant", data["sender"]]],
        "slots": lambda: [["participant", slot["participant"]] for slot in data["slots"]],
        "parties": lambda: [["participant", data["sender"]], ["participant", data["recipient"]]],
        "signer": lambda: [[kind, signed[kind]] for kind in ("certificate", "key", "participant")],
        "ledger": lambda: [["ledger", data["origin"]]],
    }
    of = lambda word: named.get(word, lambda: [[word, data[word]]])()
    first = of(home)[0]
    others = {tuple(stream) for word in also.split() for stream in of(word)} - {tuple(first)}
    return [first] + [list(stream) for stream in sorted(others)]


def payload_file(index, record, slot):
    """The name that a payload's file must have (11)."""
    kind, home = record["streams"][0]
    ending = ("p7s" if slot in ("cms", "possession") else
              "txt" if slot in ("reason", "reservations", "statement") else
              "json" if slot in ("client-data", "content-info", "details", "policy", "trust", "report", "evidence")
              or slot.startswith(("report-", "evidence-")) else
              "bin")
    event = record["type"]
    document = next((identifier for kind_, identifier in record["streams"] if kind_ == "document"), None)
    if event == "document.formed" and slot == "content":
        formats = {"pdf": "pdf", "scan-pdf": "pdf", "xml": "xml", "json": "json", "text": "txt", "scan-jpeg": "jpg", "scan-png": "png"}
        return "documents/%s/content.%s" % (home, formats.get(record["data"]["format"], "bin"))
    if event == "document.formed" and slot == "content-info":
        return "documents/%s/content-info.json" % home
    if event == "document.signature_applied" and slot in ("cms", "report"):
        return "documents/%s/signatures/%02d-%012d.%s" % (home, record["data"]["slot"], index, ending)
    if kind == "delivery" and document:
        return "documents/%s/deliveries/%s/%012d-%s-%s.%s" % (document, home, index, event[len("delivery."):], slot, ending)
    if event == "certificate.registered":
        return "evidence/certificates/" + (home + ".der" if slot == "certificate" else "%s-%s.%s" % (home, slot, ending))
    if event == "ledger.crl_recorded":
        return "evidence/crls/%012d.crl" % index
    if event == "ledger.trust_published":
        return "evidence/trust/%012d-%s.json" % (index, slot)
    return "evidence/payloads/%012d-%s.%s" % (index, slot, ending)


# ---------------------------------------------------------------- DER, as far as a key id needs it

def der_parts(data):
    """(whole, content) of each element in a row."""
    parts, at = [], 0
    while at < len(data):
        need(len(data) >= at + 2, "DER is cut")
        length, start = data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            need(0 < count <= 4, "a DER length")
            length, start = int.from_bytes(data[start:start + count], "big"), start + count
        need(start + length <= len(data), "DER is cut")
        parts.append((data[at:start + length], data[start:start + length]))
        at = start + length
    return parts


def spki_of(certificate):
    """SubjectPublicKeyInfo of a certificate."""
    outer = der_parts(certificate)
    need(len(outer) == 1, "not one certificate")
    fields = der_parts(der_parts(outer[0][1])[0][1])
    if fields[0][0][0] == 0xA0:  # the version
        fields = fields[1:]
    need(len(fields) >= 6, "not a certificate")
    return fields[5][0]  # serial, algorithm, issuer, validity, subject, key


def ed25519_cms(cms, content, key):
    """Whether a detached CMS with signed attributes and one signer verifies with an Ed25519 key (RFC 8419)."""
    try:
        data = der_parts(der_parts(der_parts(der_parts(cms)[0][1])[1][1])[0][1])
        signers = der_parts(data[-1][1])
        need(len(signers) == 1, "not one signer")
        fields = der_parts(signers[0][1])  # version, sid, digest algorithm, signed attributes, signature algorithm, signature
        algorithm, attributes, signature = fields[2][1], fields[3][0], fields[5][1]
        need(attributes[0] == 0xA0, "no signed attributes")
        # 2.16.840.1.101.3.4.2.1 is SHA-256, .3 is SHA-512; 1.2.840.113549.1.9.4 is the digest of the message
        digest = {1: hashlib.sha256, 3: hashlib.sha512}[algorithm[10]] if algorithm[:10] == bytes.fromhex("06096086480165030402") else None
        need(digest is not None, "a digest")
        digests = [der_parts(der_parts(value)[1][1])[0][1] for _, value in der_parts(fields[3][1])
                   if der_parts(value)[0][0] == bytes.fromhex("06092a864886f70d010904")]
        need(digests == [digest(content).digest()], "the digest of the message")
        return ed25519_verify(key, b"\x31" + attributes[1:], signature)
    except (Bad, IndexError, KeyError):
        return False


def pem(der):
    return "-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % base64.encodebytes(der).decode()


def unix_seconds(at):
    return calendar.timegm(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S"))


# ---------------------------------------------------------------- the verifier (12)

class Verifier:
    def __init__(self, data, trust):
        self.data, self.trust = data, trust
        self.findings = []
        self.files, self.leaves, self.records, self.hashes = {}, {}, {}, {}
        self.map_root = self.sealed_at = self.genesis_at = None

    def say(self, outcome, code, detail=""):
        self.findings.append((outcome, code, detail))

    def fail(self, code, detail=""):
        self.say("FAIL", code, str(detail))

    def run(self):
        try:
            self.files, damaged = read_container(self.data)
        except Bad as error:
            return self.fail("container-damaged", error)
        for name in damaged:
            self.fail("entry-damaged", name)
        try:
            self.read_parts()
        except (Bad, KeyError, TypeError, ValueError, AttributeError) as error:
            return self.fail("manifest-invalid", error)
        for step in (self.check_files, self.check_genesis, self.check_checkpoint, self.check_records, self.check_chains,
                     self.check_streams, self.check_payloads, self.check_ids, self.check_keys, self.check_signatures,
                     self.check_receipts):
            try:
                step()
            except (Bad, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                # Only fields whose form no rule above has checked get here.
                self.fail("record-malformed", "%s: %s" % (step.__name__, error))
        self.say("INFO", "operator-word-only", "no witness cosignature, no time stamp")
        self.say("INFO", "not-checked-here", "revocation, validity times, roles, rules of the exchange: ledger-audit verify does that")

    def file(self, name):
        need(name in self.files, name + " is missing")
        return self.files[name]

    def read_parts(self):
        self.manifest = parse(self.file("bundle.json"), None)
        members(self.manifest, "document files genesis origin size t", "payloads unavailable")
        need(self.manifest["t"] == "edl/v1/bundle", "t of bundle.json")
        for entry in self.manifest["files"]:
            members(entry, "bytes name sha256")
        names = [entry["name"] for entry in self.manifest["files"]]
        need(names == sorted(set(names)), "files out of order")
        for name, fields in (("payloads", "file leaf salt slot"), ("unavailable", "leaf reason slot")):
            places = []
            for entry in self.manifest.get(name, []):
                members(entry, fields)
                places.append((entry["leaf"], entry["slot"]))
            need(places == sorted(set(places)), name + " out of order")
        need(all(is_text(HEX64, entry["salt"]) for entry in self.manifest.get("payloads", [])), "a salt")
        self.claims = parse(self.file("ledger/streams.json"), None)
        members(self.claims, "streams t")
        need(self.claims["t"] == "edl/v1/streams", "t of streams.json")
        need(len(self.claims["streams"]) <= 4096, "more than 4096 streams")
        for claim in self.claims["streams"]:
            members(claim, "count map positions stream")
            need(check_stream(*claim["stream"].split("/", 1)), "a stream")
            need(is_uint(claim["count"]) and re.match(r"([0-9a-f]{2})*\Z", claim["map"]), "a claim")
            for position in claim["positions"]:
                members(position, "index", "withheld")
                need(is_uint(position["index"]), "a position")
                need("withheld" not in position or is_text(HEX64, position["withheld"]), "a position")
        names = [claim["stream"].split("/", 1) for claim in self.claims["streams"]]
        need(names == sorted(names) and len({tuple(name) for name in names}) == len(names), "streams out of order")
        proof = self.file("ledger/inclusion.bin")
        need(len(proof) % 32 == 8, "not a size and hashes of 32 bytes")
        self.size = int.from_bytes(proof[:8], "big")
        self.nodes = [proof[at:at + 32] for at in range(8, len(proof), 32)]
        self.leaves[0] = self.file("ledger/genesis.json")
        self.file("ledger/checkpoint.txt")
        for name, content in self.files.items():
            if name.startswith("ledger/leaves/"):
                match = re.match(r"ledger/leaves/(\d{12,16})\.json\Z", name)
                need(match and int(match[1]) > 0 and name == "ledger/leaves/%012d.json" % int(match[1]), name)
                self.leaves[int(match[1])] = content
        self.hashes = {index: leaf_hash(leaf) for index, leaf in self.leaves.items()}

    def check_files(self):
        before = len(self.findings)
        listed = {entry["name"]: entry for entry in self.manifest["files"]}
        for name in sorted(set(listed) ^ set(self.files) - {"bundle.json"}):
            self.fail("file-unlisted", name)
        for name, entry in listed.items():
            content = self.files.get(name)
            if content is not None and (len(content) != entry["bytes"] or hashlib.sha256(content).hexdigest() != entry["sha256"]):
                self.fail("file-digest", name)
        names = [name for name in self.files if name != "META-INF/manifest.xml"]
        if self.files.get("META-INF/manifest.xml") != asic_manifest(names):
            self.fail("manifest-differs", "META-INF/manifest.xml does not list the files")
        if len(self.findings) == before:
            self.say("PASS", "files-verified", "%d files" % len(self.files))

    def check_genesis(self):
        self.origin, self.pin, self.key, _ = self.trust
        if self.hashes[0] != self.pin:
            return self.fail("genesis-mismatch", "trusted is " + self.pin.hex())
        try:
            genesis = parse(self.leaves[0])
            members(genesis, "at format hashes identifiers index_key limits log_keys origin policy previous t", "recovery_keys")
            need(genesis["t"] == "edl/v1/genesis" and genesis["format"] == 1 and is_text(TIME, genesis["at"]), "t, format, at")
            need(genesis["hashes"] == {"second": "sha3-256", "tree": "sha-256"}, "hashes")
            need(genesis["origin"] == self.origin and is_origin(self.origin), "its origin is " + str(genesis["origin"]))
            need(1 <= len(genesis["log_keys"]) <= 16, "log_keys")
            need(self.key in [verifier_key(key) for key in genesis["log_keys"]], "the trusted log key is not one of its keys")
        except Bad as error:
            return self.fail("genesis-invalid", error)
        self.genesis_at = genesis["at"]
        self.say("PASS", "genesis-verified", self.origin)

    def check_checkpoint(self):
        try:
            size, root = open_checkpoint(self.files["ledger/checkpoint.txt"], self.origin, self.key)
        except Bad as error:
            return self.fail("checkpoint-invalid", error)
        self.say("PASS", "checkpoint-verified", "size %d" % size)
        try:
            need(self.size == size, "the proof is for another size")
            need(multiproof_root(size, self.nodes, sorted(self.hashes.items())) == root, "another root")
            self.say("PASS", "inclusion-verified", "%d leaves" % len(self.leaves))
        except Bad as error:
            self.fail("inclusion-failed", error)
        try:
            need(size - 1 in self.leaves, "leaf %d is not there" % (size - 1))
            seal = parse(self.leaves[size - 1])
            members(seal, "alt_root at genesis map_root prev_seal size t")
            members(seal["prev_seal"], "index leaf")
            need(seal["t"] == "edl/v1/seal" and is_text(TIME, seal["at"]), "t, at")
            need(all(is_text(HEX64, seal[name]) for name in ("alt_root", "genesis", "map_root")), "a digest")
            need(seal["size"] == size - 1, "it is the seal of another place")
            need(seal["genesis"] == self.pin.hex(), "it is the seal of another ledger")
            index, leaf = seal["prev_seal"]["index"], seal["prev_seal"]["leaf"]
            need(is_uint(index) and is_text(HEX64, leaf) and index < seal["size"] and (index == 0) == (seal["size"] == 1), "prev_seal")
            need(index != 0 or leaf == self.pin.hex(), "prev_seal")
            self.map_root, self.sealed_at = bytes.fromhex(seal["map_root"]), seal["at"]
            self.say("PASS", "seal-verified", "sealed at " + seal["at"])
        except Bad as error:
            self.fail("seal-invalid", error)
        own = (self.manifest["origin"], self.manifest["genesis"], self.manifest["size"])
        if own != (self.origin, self.hashes[0].hex(), size):
            self.fail("manifest-differs", "origin, genesis or size of bundle.json")

    def check_records(self):
        before, ids, last = len(self.findings), {}, self.genesis_at or ""
        for index in sorted(self.leaves):
            if index in (0, self.size - 1):
                continue
            try:
                record = check_record(self.leaves[index])
                streams = streams_of(record)
                need(all(check_stream(*stream) for stream in streams), "an id in data")
            except (Bad, KeyError, TypeError) as error:
                self.fail("record-malformed", "leaf %d: %s" % (index, error))
                continue
            if streams != record["streams"]:
                self.fail("record-streams", "leaf %d" % index)
                continue
            if record["at"] < last or (self.sealed_at and record["at"] > self.sealed_at):
                self.fail("record-order", "leaf %d recorded at %s" % (index, record["at"]))
            last = max(last, record["at"])
            if ids.setdefault(record["id"], index) != index:
                self.fail("record-doubled", "leaf %d" % index)
            self.records[index] = record
        if len(self.findings) == before:
            self.say("PASS", "records-verified", "%d records" % len(self.records))

    def check_chains(self):
        heads = {}
        for index, record in sorted(self.records.items()):
            home, seq, prev = tuple(record["streams"][0]), record["seq"], record["prev"]
            if home not in heads:
                fits = (seq == 0) == (prev == self.pin.hex())
            else:
                last, leaf = heads[home]
                fits = prev == leaf if seq == last + 1 else seq > last
            if not fits:
                self.fail("chain-broken", "leaf %d: seq %d of %s/%s" % (index, seq, *home))
            heads[home] = (seq, self.hashes[index].hex())

    def check_streams(self):
        for claim in self.claims["streams"]:
            self.check_stream_claim(claim)
        document = ["document", self.manifest["document"]]
        required = {tuple(document)}
        for record in self.records.values():
            if document in record["streams"]:
                if record["streams"][0][0] == "delivery":
                    required.add(tuple(record["streams"][0]))
                signed = record["data"].get("signature")
                if signed:
                    required |= {("certificate", signed["certificate"]), ("key", signed["key"])}
        claimed = {tuple(claim["stream"].split("/", 1)) for claim in self.claims["streams"]}
        for kind, identifier in sorted(required - claimed):
            self.say("OPEN", "stream-missing", kind + "/" + identifier)

    def check_stream_claim(self, claim):
        before, name = len(self.findings), claim["stream"]
        stream = name.split("/", 1)
        positions, withheld, last = [], 0, -1
        for position in claim["positions"]:
            index, hidden = position["index"], position.get("withheld")
            if (hidden is None) == (index not in self.hashes):
                self.fail("stream-order", "%s at leaf %d: shown and withheld, or neither" % (name, index))
                continue
            withheld += hidden is not None
            if index <= last:
                self.fail("stream-order", "%s at leaf %d" % (name, index))
            last = index
            positions.append((index, self.hashes[index] if hidden is None else bytes.fromhex(hidden)))
            if index in self.records and stream not in self.records[index]["streams"]:
                self.fail("stream-foreign-leaf", "%s at leaf %d" % (name, index))
        known = {index for index, _ in positions}
        for index, record in sorted(self.records.items()):
            if stream in record["streams"] and index not in known:
                self.fail("stream-omits-record", "%s: leaf %d" % (name, index))
        expected, prev, hidden = 0, self.pin.hex(), set()
        for index, leaf in positions:
            record = self.records.get(index)
            if record is None:
                hidden.add(leaf.hex())
            elif record["streams"][0] == stream:
                missing = record["seq"] - expected
                fits = record["prev"] == prev if missing == 0 else 0 < missing <= len(hidden) and record["prev"] in hidden
                if not fits:
                    self.fail("chain-broken", "leaf %d: seq %d of %s, %d was due" % (index, record["seq"], name, expected))
                expected, prev, hidden = record["seq"] + 1, leaf.hex(), set()
        head = stream_head(len(positions), tree_root([stream_leaf(index, leaf) for index, leaf in positions]))
        try:
            need(len(positions) == claim["count"], "the positions are not as many as they should be")
            need(self.map_root is not None, "there is no seal to hold it against")
            root = map_path_root(bytes.fromhex(claim["map"]), stream_key(*stream), head)
            need(root == self.map_root, "the map of the seal holds another head")
        except Bad as error:
            return self.fail("stream-incomplete", "%s: %s" % (name, error))
        if withheld:
            self.say("OPEN", "stream-withheld", "%s: %d of %d" % (name, withheld, claim["count"]))
        elif len(self.findings) == before:
            self.say("PASS", "stream-complete", "%s: %d records" % (name, claim["count"]))

    def payload(self, index, slot):
        name = self.places.get((index, slot), {}).get("file")
        return self.files.get(name)

    def check_payloads(self):
        self.places = {(entry["leaf"], entry["slot"]): entry for entry in self.manifest.get("payloads", [])}
        reasons = {(entry["leaf"], entry["slot"]): entry["reason"] for entry in self.manifest.get("unavailable", [])}
        before, known, verified, withheld = len(self.findings), set(), 0, 0
        for index, record in sorted(self.records.items()):
            document = self.manifest["document"]
            own = record["data"].get("document") == document or ["document", document] in record["streams"]
            for sealed in record.get("sealed", []):
                slot = sealed["slot"]
                known.add((index, slot))
                content = self.payload(index, slot)
                if content is None:
                    reason = reasons.get((index, slot))
                    personal = slot == "statement" or record["streams"][0][0] == "participant"
                    if reason == "other-document" and not own or reason == "personal-data" and personal:
                        withheld += 1
                    else:
                        self.fail("payload-missing", "%s of leaf %d (%s)" % (slot, index, record["type"]))
                    continue
                entry = self.places[index, slot]
                if entry["file"] != payload_file(index, record, slot):
                    self.fail("payload-file", entry["file"])
                if payload_commitment(record["id"], slot, bytes.fromhex(entry["salt"]), content) == sealed:
                    verified += 1
                else:
                    self.fail("payload-mismatch", "%s (%s of leaf %d)" % (entry["file"], slot, index))
        for index, slot in sorted((set(self.places) | set(reasons)) - known):
            self.fail("payload-unknown", "%s of leaf %s" % (slot, index))
        if len(self.findings) == before:
            self.say("PASS", "payloads-verified", "%d payloads" % verified)
        if withheld:
            self.say("INFO", "payload-withheld", "%d payloads" % withheld)

    def check_ids(self):
        for index, record in sorted(self.records.items()):
            data = record["data"]
            if record["type"] == "certificate.registered":
                der = self.payload(index, "certificate")
                if der is not None:
                    try:
                        key = sha256(b"edl/v1/key\0", spki_of(der)).hex()
                    except (Bad, IndexError):
                        key = None
                    if (sha256(b"edl/v1/cert\0", der).hex(), key) != (data["certificate"], data["key"]):
                        self.fail("id-mismatch", "leaf %d: certificate or key" % index)
            if record["type"] == "ledger.crl_recorded":
                der = self.payload(index, "crl")
                if der is not None and sha256(der).hex() != data["crl"]:
                    self.fail("id-mismatch", "leaf %d: revocation list" % index)
            if record["type"] == "document.formed":
                content, info = self.payload(index, "content"), self.payload(index, "content-info")
                if content is not None and info is not None:
                    try:
                        info = json.loads(info)
                        members(info, "bytes media_type sha256 title")
                        same = (len(content), sha256(content).hex()) == (info["bytes"], info["sha256"])
                    except (Bad, ValueError, RecursionError):
                        same = False
                    if not same:
                        self.fail("content-mismatch", "leaf %d" % index)

    def covered(self, index, record):
        """What the CMS of a record covers (5)."""
        data = record["data"]
        if record["type"] in ("document.signature_applied", "delivery.countersignature_applied"):
            formed = [i for i, one in self.records.items() if one["type"] == "document.formed" and one["data"]["document"] == data["document"]]
            return self.payload(formed[0], "content") if formed else None
        statement = {"act": ACTS[record["type"]], "delivery": data["delivery"], "document": data["document"], "ledger": self.origin,
                     "t": "edl/v1/statement"}
        if "proposal" in data:
            statement["proposal"] = data["proposal"]
        if "reason" in EVENTS[record["type"]][4]:
            statement["reason_sha256"] = sha256(self.payload(index, "reason") or b"").hex()
        return canonical(statement).encode()

    def check_signatures(self):
        openssl, roots = shutil.which("openssl"), self.trust[3]
        if openssl is None or not roots:
            why = "the program openssl is not here" if openssl is None else "the trust directory has no root certificates"
            return self.say("OPEN", "signature-indeterminate", "signatures were not checked: " + why)
        found = self.findings_on_record()
        for index, record in sorted(self.records.items()):
            signed = record["data"].get("signature")
            if not signed or record["type"] in FINDINGS or record["data"].get("document") != self.manifest["document"]:
                continue
            # Revocation is not looked at here: what the ledger's own findings say about it is.
            standing = found.get(record["id"], signed["verdict"])
            if standing != "passed":
                outcome, code = {"indeterminate": ("OPEN", "signature-indeterminate"), "failed": ("FAIL", "signature-failed"),
                                 "set aside": ("INFO", "signature-set-aside")}[standing]
                self.say(outcome, code, "%s at leaf %d" % (record["type"], index))
                continue
            cms, content = self.payload(index, "cms"), self.covered(index, record)
            if cms is None or content is None:
                continue  # reported as missing above
            name = "%s at leaf %d" % (record["type"], index)
            good, signer = self.openssl_verify(openssl, cms, content, record["at"])
            if not good:
                # OpenSSL before 3.2 knows no Ed25519 in CMS.
                signer = self.ed25519_signer(signed["certificate"])
                good = signer is not None and ed25519_cms(cms, content, spki_of(signer)[-32:])
                good = good and self.openssl_path(openssl, signer, record["at"])
            if not good:
                self.fail("signature-failed", name)
            elif signer is None or sha256(b"edl/v1/cert\0", signer).hex() != signed["certificate"]:
                self.fail("id-mismatch", name + ": the signer's certificate is not the recorded one")
            else:
                self.say("PASS", "signature-verified", name)

    def findings_on_record(self):
        """What the last finding about each signature says; "set aside" where it failed before it counted for anything (5)."""
        found, sent = {}, set()
        for _, record in sorted(self.records.items()):
            data = record["data"]
            if record["type"] == "document.sent":
                sent.add(data["document"])
            elif record["type"] in OVER_DOCUMENT:
                found[record["id"]] = data["signature"]["verdict"]
            elif record["type"] in FINDINGS and not is_about_receipt(record):
                verdict, before = data["signature"]["verdict"], found.get(data["event"])
                open_yet = data["document"] not in sent if record["type"] == FINDINGS[0] else before == "indeterminate"
                found[data["event"]] = "set aside" if verdict == "failed" and open_yet else verdict
        return found

    def check_receipts(self):
        """What the last findings about receipts say, and that there were such receipts (5, 12)."""
        signatures, received, found = {}, {}, {}
        for index, record in sorted(self.records.items()):
            data = record["data"]
            if record["type"] == "document.signature_applied":
                signed = data["signature"]
                signatures[record["id"]] = (data["document"], data["slot"], signed["certificate"], signed["key"], signed["participant"])
            elif record["type"] == "delivery.accounted":
                for one in data["signatures"]:
                    received[data["delivery"], one["slot"]] = one["certificate"]
            elif is_about_receipt(record):
                signed, place = data["signature"], (data["delivery"], data["slot"])
                of = (data["document"], data["slot"], signed["certificate"], signed["key"], signed["participant"])
                if signatures.get(data["event"]) != of or received.get(place) != signed["certificate"]:
                    self.fail("event-not-allowed", "%s at leaf %d: no such signature was received" % (record["type"], index))
                found[place] = (signed["verdict"], index)
        for verdict, index in found.values():
            if verdict != "passed":
                outcome, code = {"indeterminate": ("OPEN", "signature-indeterminate"), "failed": ("FAIL", "signature-failed")}[verdict]
                self.say(outcome, code, "at the receipt, by the finding at leaf %d" % index)

    def check_keys(self):
        """Of the rules of the exchange: what a suspended or annulled key signed (12)."""
        claimed, suspended = {}, set()
        for index, record in sorted(self.records.items()):
            data = record["data"]
            if record["type"] == "key.compromise_reported":
                claimed[data["key"]] = data["claimed_since"]
            elif record["type"] == "key.use_suspended":
                suspended.add(data["key"])
            elif record["type"] == "key.use_resumed":
                suspended.discard(data["key"])
            elif "signature" in data and record["type"] not in FINDINGS:
                signed = data["signature"]
                at = signed.get("proven_at", record["at"])
                if signed["key"] in suspended and at >= claimed.get(signed["key"], ""):
                    self.fail("suspended-key-used", "%s at leaf %d" % (record["type"], index))

    def ed25519_signer(self, certificate):
        """The certificate of this id, if its key is an Ed25519 one."""
        for der in self.certificates():
            if sha256(b"edl/v1/cert\0", der).hex() == certificate:
                try:
                    return der if spki_of(der)[:12] == bytes.fromhex("302a300506032b6570032100") else None
                except (Bad, IndexError):
                    return None
        return None

    def openssl_path(self, openssl, der, at):
        """Whether the certificate leads to a root of the trust directory."""
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, text in (("roots", "".join(self.trust[3])), ("others", "".join(map(pem, self.certificates()))), ("leaf", pem(der))):
                paths.append(os.path.join(folder, name))
                with open(paths[-1], "w", encoding="ascii") as file:
                    file.write(text)
            command = [openssl, "verify", "-partial_chain", "-attime", str(unix_seconds(at)), "-CAfile", paths[0], "-untrusted", paths[1], paths[2]]
            return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def certificates(self):
        """All certificates of the bundle, none of them trusted for being there."""
        found = []
        for name, content in self.files.items():
            try:
                if re.match(r"evidence/certificates/[0-9a-f]{64}\.der\Z", name):
                    found.append(content)
                elif re.match(r"evidence/certificates/[0-9a-f]{64}-chain\.bin\Z", name):
                    found += [whole for whole, _ in der_parts(content)]
                elif re.match(r"evidence/trust/\d+-trust\.json\Z", name):
                    found += [strict_base64(text) for text in parse(content, None).get("intermediates", [])]
            except (Bad, AttributeError, TypeError):
                continue  # what cannot be read helps nobody
        return found

    def openssl_verify(self, openssl, cms, content, at):
        """Whether the CMS verifies, and the signer's certificate in DER."""
        with tempfile.TemporaryDirectory() as folder:
            def write(name, data):
                path = os.path.join(folder, name)
                with open(path, "wb") as file:
                    file.write(data)
                return path

            roots = write("roots.pem", "".join(self.trust[3]).encode())
            others = "".join(pem(der) for der in self.certificates())
            signer = os.path.join(folder, "signer.pem")
            command = [openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", write("cms", cms), "-content", write("content", content),
                       "-CAfile", roots, "-partial_chain", "-purpose", "any", "-attime", str(unix_seconds(at)), "-signer", signer, "-out", os.devnull]
            if others:
                command += ["-certfile", write("others.pem", others.encode())]
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                return False, None
            with open(signer) as file:
                blocks = re.findall("-----BEGIN CERTIFICATE-----(.*?)-----END", file.read(), re.S)
            return True, base64.b64decode(blocks[0]) if len(blocks) == 1 else None


def read_trust(folder):
    """(origin, pin, log key, root certificates in PEM)."""
    def text(name):
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                return file.read(4 << 20).strip()
        except (OSError, ValueError) as error:
            raise Unusable("trust directory: %s" % error) from None

    origin, pin = text("origin"), (text("genesis.sha256").split() or [""])[0]
    if not HEX64.match(pin):
        raise Unusable("genesis.sha256 is not 64 lower-case hex digits")
    try:
        key = verifier_key(text("log.vkey"))
    except Bad as error:
        raise Unusable("log.vkey: %s" % error) from None
    roots, ca = [], os.path.join(folder, "ca")
    for name in sorted(os.listdir(ca)) if os.path.isdir(ca) else []:
        if not name.endswith((".pem", ".der", ".crt", ".cer")):
            continue
        with open(os.path.join(ca, name), "rb") as file:
            data = file.read(4 << 20)
        if data[:1] == b"0":
            roots.append(pem(data))
        else:
            roots.append(data.decode("ascii", "replace") + "\n")
    return origin, bytes.fromhex(pin), key, roots


def verify(path, folder):
    trust = read_trust(folder)
    try:
        with open(path, "rb") as file:
            data = file.read(CONTAINER_MAX + 1)
    except OSError as error:
        raise Unusable(str(error)) from None
    if data[:4] != b"PK\3\4" or len(data) > CONTAINER_MAX:
        raise Unusable("not an evidence bundle")
    verifier = Verifier(data, trust)
    verifier.run()
    for outcome in ("FAIL", "OPEN", "INFO", "PASS"):
        for _, code, detail in (finding for finding in verifier.findings if finding[0] == outcome):
            print("%s  %-24s %s" % (outcome, code, detail))
    outcomes = {finding[0] for finding in verifier.findings}
    code = 1 if "FAIL" in outcomes else 2 if "OPEN" in outcomes else 0
    print("PASSED FAILED INDETERMINATE".split()[code])
    return code


# ---------------------------------------------------------------- vectors

def check_vectors(path):
    """Compares every value of docs/vectors/format-v1.json with what this program computes."""
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    wrong = []

    def same(name, actual, expected):
        if actual != expected:
            wrong.append("%s: %s, not %s" % (name, actual, expected))

    for case in vectors["canonical"]:
        try:
            parse(bytes.fromhex(case["hex"]))
            accepted = True
        except Bad:
            accepted = False
        same("canonical " + case["why"], accepted, case["accept"])
    for case in vectors["leaves"]:
        same("leaf", leaf_hash(case["leaf"].encode()).hex(), case["leaf_hash"])
    for case in vectors["payloads"]:
        made = payload_commitment(case["event"], case["slot"], bytes.fromhex(case["salt"]), bytes.fromhex(case["bytes"]))
        same("payload", made, case["commitment"])
    for case in vectors["streams"]:
        same("stream key", stream_key(case["kind"], case["id"]).hex(), case["key"])
        leaves = [stream_leaf(one["index"], bytes.fromhex(one["leaf_hash"])) for one in case["positions"]]
        same("stream leaves", [leaf.hex() for leaf in leaves], case["stream_leaves"])
        same("stream root", tree_root(leaves).hex(), case["root"])
        same("stream head", stream_head(len(leaves), tree_root(leaves)).hex(), case["head"])
    for case in vectors["maps"]:
        root = map_path_root(bytes.fromhex(case["proof"]), bytes.fromhex(case["key"]), bytes.fromhex(case["value"]))
        same("map", root.hex(), case["root"])
    for case in vectors["ids"]:
        made = hmac.new(bytes.fromhex(case["secret"]), bytes.fromhex(case["message"]), hashlib.sha256).hexdigest()
        same(case["what"], made, case["id"])
    for case in vectors["digests"]:
        same(case["what"], sha256(case["tag"].encode(), b"\0", bytes.fromhex(case["data"])).hex(), case["digest"])
    for case in vectors["checkpoints"]:
        size, root = open_checkpoint(case["note"].encode(), case["origin"], verifier_key(case["key"]))
        same("checkpoint", [size, root.hex()], [case["size"], case["root"]])
    for line in wrong:
        print("DIFFERS " + line)
    print("%d vectors, %d differ" % (sum(map(len, vectors.values())), len(wrong)))
    return 1 if wrong else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--vectors":
        return check_vectors(arguments[1])
    if len(arguments) == 3 and arguments[1] == "--trust":
        return verify(arguments[0], arguments[2])
    raise Unusable(__doc__)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Unusable as error:
        print(error, file=sys.stderr)
        sys.exit(3)
