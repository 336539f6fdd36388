"""Addresses of streams without their secrets."""

import pytest

from deepsort_reid.io.stream_address import hide_secrets, is_stream


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://host/yard", "rtsp://host/yard"),
        ("rtsp://admin:geheim@10.0.0.5:554/yard", "rtsp://***@10.0.0.5:554/yard"),
        ("rtsp://geheim@host/yard", "rtsp://***@host/yard"),
        ("http://admin:ge@he/im?#@host/yard", "http://***@host/yard"),
        ("http://host/live?user=admin&pwd=geheim&channel=2", "http://host/live?user=***&pwd=***&channel=2"),
        ("http://host/live?geheim", "http://host/live?***"),
        ("http://host/live?channel=geheim-geheim-geheim-geheim", "http://host/live?channel=***"),
        ("http://host/live#geheim", "http://host/live#***"),
        ("http://host/live?a=1;key=geheim", "http://host/live?a=***&key=***"),
        ("rtsp://host/user=admin&password=geheim&channel=1&stream=0.sdp",
         "rtsp://host/user=***&password=***&channel=1&stream=0.sdp"),
        ("rtsp://host/user=admin_password=geheim_channel=1", "rtsp://host/user=***"),
        ("rtsp://host/realmonitor?channel=1&subtype=0", "rtsp://host/realmonitor?channel=1&subtype=0"),
        ("admin:geheim@host:554/yard", "***@host:554/yard"),
        ("udp://@239.0.0.1:1234?fifo_size=5000", "udp://***@239.0.0.1:1234?fifo_size=5000"),
        ("videos/a=b@c.mp4", "videos/a=b@c.mp4"),
        ("/home/a/market@noon.mp4", "/home/a/market@noon.mp4"),
        ("0", "0"),
    ],
)  # fmt: skip
def test_secrets_of_an_address_are_hidden(address, shown):
    assert hide_secrets(address) == shown
    assert "geheim" not in hide_secrets(address)


def test_streams_are_told_from_files_and_cameras():
    assert is_stream("rtsp://host")
    assert not any(map(is_stream, ("a.mp4", "0", 0, "C:/videos/a.mp4", None)))
