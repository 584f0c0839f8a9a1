"""Consecutive saves in the shapes that games write: JSON, SQLite, binary structs, scattered bytes."""
import json, os, random, sqlite3, struct, sys
out = sys.argv[1]
r = random.Random(7)
def put(folder, i, b):
    os.makedirs(f"{out}/{folder}", exist_ok=True); open(f"{out}/{folder}/{i:03}.sav", "wb").write(b)
world = {"player": {"hp": 100, "gold": 12, "pos": [1.5, 2.25]}, "items": [{"id": i, "kind": r.choice(["sword", "potion", "ore"]), "count": r.randrange(99), "x": r.random()} for i in range(3500)]}
for i in range(12):
    for _ in range(20): r.choice(world["items"])["count"] = r.randrange(99)
    world["items"].insert(len(world["items"]) // 2, {"id": 9000 + i, "kind": "new", "count": 1, "x": r.random()})
    world["player"]["gold"] += 7
    put("json", i, json.dumps(world).encode())
db = f"{out}/tmp.db"
if os.path.exists(db): os.remove(db)
c = sqlite3.connect(db); c.execute("create table t(id integer primary key, k text, v blob)")
c.executemany("insert into t values(?,?,?)", [(i, f"key{i % 97}", r.randbytes(60)) for i in range(4000)]); c.commit()
for i in range(12):
    for _ in range(30): c.execute("update t set v=? where id=?", (r.randbytes(60), r.randrange(4000)))
    c.execute("insert into t(k,v) values('n',?)", (r.randbytes(60),)); c.commit()
    put("sqlite", i, open(db, "rb").read())
c.close(); os.remove(db)
ents = [[r.randrange(1 << 30), r.random() * 100, r.random() * 100, r.randrange(100), 0x7f0012340000 + 64 * i] for i in range(8000)]
for i in range(12):
    for e in r.sample(ents, 400): e[1] += 0.25; e[3] = r.randrange(100)
    del ents[r.randrange(len(ents))]
    base = i * 0x3000
    put("structs", i, b"".join(struct.pack("<IffIQ", *e[:4], e[4] + base) for e in ents))
b = bytearray(r.randbytes(1 << 20))
for i in range(12):
    at = r.randrange(len(b) - 200); b[at:at + 200] = r.randbytes(200); put("random-200", i, bytes(b))
b = bytearray(r.randbytes(1 << 20))
for i in range(6):
    for _ in range(10486): b[r.randrange(len(b))] = r.randrange(256)
    put("random-scattered-1pc", i, bytes(b))
b = bytearray(r.randbytes(1 << 20))
for i in range(6):
    for _ in range(100): at = r.randrange(len(b) - 105); b[at:at + 105] = r.randbytes(105)
    put("random-100x105", i, bytes(b))
