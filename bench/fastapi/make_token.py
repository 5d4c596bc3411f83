"""Prints an ES256 token for the peer, made with the key given."""

import sys
import time

import jwt

with open(sys.argv[1], encoding="ascii") as key:
    print(jwt.encode({"sub": "1", "org": 1, "role": "admin", "exp": int(time.time()) + 86400}, key.read(), algorithm="ES256"))
