# What people write to fetch pages with requests: fetch.py URL PAGES
import json
import sys

import requests

session = requests.Session()
for page in range(1, int(sys.argv[2]) + 1):
    reply = session.get(sys.argv[1], params={"page": page})
    reply.raise_for_status()
    for record in reply.json()["data"]:
        sys.stdout.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
