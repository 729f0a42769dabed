"""Which cluster a checkout calls its own."""

from pathlib import Path

from dev.host.checkout import Checkout


def test_a_worktree_with_a_link_to_another_cache_shares_its_cluster(tmp_path: Path) -> None:
    main, worktree, other = (Checkout(tmp_path / name) for name in ("main", "worktree", "other"))
    for checkout in (main, other):
        checkout.cache.mkdir(parents=True)
    worktree.root.mkdir()
    worktree.cache.symlink_to(main.cache)
    assert worktree.identity == main.identity
    assert other.identity != main.identity
