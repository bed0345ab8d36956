"""The whole product against bare frameworks, in one run on one machine; never a test."""
