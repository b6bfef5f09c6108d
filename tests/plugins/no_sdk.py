"""An adapter whose SDK is not installed."""

import an_sdk_that_is_not_installed  # type: ignore[import-not-found]

from gateway import adapter


class Adapter(adapter.Adapter):
    sdk = an_sdk_that_is_not_installed
