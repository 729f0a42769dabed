"""An S3 server whose answers no store gives: `python tests/attacks/hostile_storage.py ADDRESS PORT`.

* a listing below `endless/`: pages without objects, each of which says that there are more
* a listing below `odd/`: an object without a size
* any object: a few bytes without a Content-Length, after which the connection ends
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, urlsplit

ENDLESS: Final = "endless/"
ODD: Final = "odd/"
OBJECT: Final = b"Rar!\x1a\x07\x01\x00" + bytes(512)
_PAGES: Final = {
    ENDLESS: "<IsTruncated>true</IsTruncated><NextContinuationToken>on</NextContinuationToken>",
    ODD: "<IsTruncated>false</IsTruncated><Contents><Key>odd/saved_model.pb</Key></Contents>",
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if "list-type" in asked:
            content = f"<ListBucketResult>{_PAGES[asked['prefix'][0]]}</ListBucketResult>".encode()
        else:
            content = OBJECT
        # HTTP/1.0 as this class speaks it: the end of the connection is the end of the content.
        self.send_response(200)
        self.send_header("ETag", '"e"')
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), _Handler).serve_forever()
