"""Films for the checks, made here: 20 MB or less, the index behind everything else."""

import subprocess

SECONDS = 60
RATE = "2670k"


def make(path, seconds=SECONDS):
    """Filler makes the rate constant: 90 % of the time is 90 % of the bytes."""
    subprocess.run(
        ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y",
         "-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=25:duration={seconds}",
         "-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}",
         "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25",
         "-b:v", RATE, "-minrate", RATE, "-maxrate", RATE, "-bufsize", "1000k", "-x264-params", "nal-hrd=cbr",
         "-c:a", "aac", "-b:a", "96k", str(path)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    body = path.read_bytes()
    assert seconds != SECONDS or 19e6 < len(body) < 22e6
    assert body.index(b"moov") > body.index(b"mdat")
    return body
