"""The structure of a graph: inputs grouped, cycles found, stages put in order."""

import numpy as np
from checks import about

from tariffgraph.core.structure import Structure


@about("S", "M", "L", "long chains", "wide hubs", "one giant component")
def test_structure(benchmark, case):
    supplier, user = case.supplier.astype(np.uint32), case.user.astype(np.uint32)
    structure = Structure.build(case.stages, supplier, user)
    for mine, theirs in ((structure.supplier, supplier), (structure.user, user)):
        assert np.array_equal(structure.stage[mine], theirs[structure.input])
    in_cycle = np.zeros(case.stages, bool)
    for start, stop in structure.cycles:
        in_cycle[start:stop] = True
    assert ((structure.supplier < structure.user) | in_cycle[structure.user]).all()
    benchmark(Structure.build, case.stages, supplier, user)
