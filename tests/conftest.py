"""What all tests start from."""

import os

# Its chart library takes two seconds to put together; the tests of the page switch it on.
os.environ.setdefault("RECSPEND_REPORT_PAGE", "false")
