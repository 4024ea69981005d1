"""The port KrlFolder on a directory: the KRL, and its signature beside it, as any web server can publish them."""

import os
from pathlib import Path

from warden.adapters.machine.whole_file import whole_file
from warden.core.errors import Effect, Inconclusive
from warden.core.remedies import SetVariable
from warden.core.ssh.krl import NAME, SignedKrl


class PublishedKrl:
    """The files ``krl`` and ``krl.sig`` in that directory, which is made with the first ones."""

    def __init__(self, directory: str) -> None:
        self.where = directory
        self._krl = Path(directory, NAME)
        self._signature = Path(directory, f"{NAME}.sig")

    def published(self) -> SignedKrl | None:
        """Both files, whether they belong together or not."""
        try:
            return SignedKrl(krl=self._krl.read_bytes(), signature=self._signature.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise self._fault("read", fault) from None

    def publish(self, made: SignedKrl) -> None:
        """The signature comes first: whoever fetches both in that moment gets a pair that does not verify, once."""
        try:
            os.makedirs(self.where, exist_ok=True)
            for path, content in ((self._signature, made.signature), (self._krl, made.krl)):
                with whole_file(str(path)) as file:
                    file.write(content)
        except OSError as fault:
            raise self._fault("written", fault) from None

    def _fault(self, done: str, fault: OSError) -> Inconclusive:
        return Inconclusive(
            f"{self.where} cannot be {done}: {os.strerror(fault.errno or 0).lower()}",
            effect=Effect.NOTHING_WRITTEN,
            subject=self.where,
            hint="name a directory of yours with --dir, or with",
            remedy=(SetVariable("WARDEN_STATE", "DIRECTORY"),),
        )
