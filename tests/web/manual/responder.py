# SPDX-License-Identifier: MIT
# For tests/web/fastcgi.sh: a program of FastCGI that answers at the socket that is its descriptor 0, and does the worst
# that the query asks for.
import os
import socket
import struct
import time

STDOUT, STDERR, STDIN, PARAMS, END = 6, 7, 5, 4, 3


def receive(client, length):
    data = b""
    while len(data) < length:
        more = client.recv(length - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def send(client, kind, data):
    client.sendall(struct.pack("!BBHHBB", 1, kind, 1, len(data), 0, 0) + data)


def query_of(client):
    params = b""
    while True:
        _, kind, _, length, padding, _ = struct.unpack("!BBHHBB", receive(client, 8))
        data = receive(client, length + padding)[:length]
        if kind == PARAMS:
            params += data
        if kind == STDIN and length == 0:
            return params.partition(b"QUERY_STRING")[2]


def answer(client):
    query = query_of(client)
    if query.startswith(b"errors"):
        for _ in range(100):
            send(client, STDERR, b"forged line\n" * 1000)
    if query.startswith(b"words"):
        os.write(1, b"forged line\n")
        os.write(2, b"forged line\n")
    if query.startswith(b"sleep"):
        time.sleep(3600)
    while query.startswith(b"endless"):
        send(client, STDOUT, b"X-Header: x\r\n")
        time.sleep(0.01)
    send(client, STDOUT, b"Content-Type: text/plain\r\n\r\nuid %d\n" % os.getuid())
    send(client, STDOUT, b"")
    send(client, END, bytes(8))


listening = socket.socket(fileno=0)
while True:
    connection, _ = listening.accept()
    with connection:
        try:
            answer(connection)
        except (EOFError, OSError):
            pass
