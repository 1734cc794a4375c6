"""A network of this process alone, with nothing in it but loopback.

Ray's processes find each other by the address of the machine, which some machines refuse to their
own processes. Where there is no other interface, that address is 127.0.0.1.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct

import pytest

_CLONE_NEWNET = 0x40000000  # unshare(2)
_SIOCSIFFLAGS = 0x8914  # netdevice(7)
_IFF_UP = 0x1


def enter() -> None:
    """Leave the machine's network for good: for this thread, and what it starts from now on."""
    if len(socket.if_nameindex()) == 1:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        if ctypes.get_errno() == errno.EPERM:
            pytest.skip("a network namespace takes root")
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
