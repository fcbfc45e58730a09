"""The triggers of a lake: what starts a run or a build when nobody types it, and who is told how it went."""
