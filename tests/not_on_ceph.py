"""Tests that cannot hold where Ceph RGW is the bucket, by name, each with what RGW does instead. Ceph 16.2, Debian's."""

UNSIGNED_HEADER = "RGW takes x-amz-* headers that a presigned URL does not sign, but for those that the keys and the policy of docs/guides/ceph.md refuse"

NOT_ON_CEPH = {
    **{
        f"test_uploads.py::test_put_with_a_header_that_nobody_signed[{header}]": UNSIGNED_HEADER
        for header in ("x-amz-meta-a", "x-amz-website-redirect-location")
    },
    "test_uploads.py::test_file_names_stay_inside_their_place[post- spaces ]": "RGW trims the fields of a form, and then the key is not the policy's",
}
