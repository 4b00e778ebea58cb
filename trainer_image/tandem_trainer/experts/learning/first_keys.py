"""Where the router's keys begin: at random, or at tokens of the first window that lie far apart.

Keys that begin at random look at tokens from directions in which there may be none, and experts part late. Picking tokens one after the
other, each as far as can be from all before it, is Gonzalez' (1985) 2-approximation of the smallest radius that so many centres allow.
"""
# capitals in the names of tensors are their shapes: N tokens, D width, C keys

import torch
from torch import Tensor


def far_apart(x_ND: Tensor, count: int) -> Tensor:
    """Directions of at most `count` tokens as seen from their mean, each of length one, (C, D); fewer where tokens are the same.

    A token that is no number counts as zero.
    """
    away_ND = x_ND.nan_to_num(0.0, 0.0, 0.0)
    away_ND = away_ND - away_ND.mean(0)
    distance_N, picked = away_ND.square().sum(1), list[int]()
    while len(picked) < count and distance_N.max() > 0:
        picked.append(int(distance_N.argmax()))
        to_last_N = (away_ND - away_ND[picked[-1]]).square().sum(1)
        distance_N = to_last_N if len(picked) == 1 else torch.minimum(distance_N, to_last_N)
    return torch.nn.functional.normalize(away_ND[picked], dim=1)
