"""The loops of the engine, as plain functions on arrays; :mod:`.jit` compiles them when a problem is large.

Stages are numbered so that suppliers come before users wherever no cycle forbids it. Inputs are grouped by user:
those of stage j lie at ``first[j]:first[j + 1]``; ``supplier`` is the stage that an input comes from, ``share`` its
part of the user's cost and ``class_of_input`` the class of crossings, which says which of the ``rates`` is added to its
price. The last rate is that of inputs that cross no border: 0. Every sum runs in that order, compiled or not, alone or
in a batch, so that results are the same bits either way.

A kernel works on the stages ``start`` to ``stop``: the caller hands out slices that are short enough for Ctrl-C. All
kernels live in this module: numba's cache does not see what a kernel calls elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

__all__ = ["BY_COLUMNS", "COLUMNS", "FETCH_AHEAD"]

#: Columns of a batch that are carried through the graph together: as many numbers as fill four cache lines.
COLUMNS = 32
#: How many inputs ahead the supplier's row is asked for, so that it has arrived when its turn comes.
FETCH_AHEAD = 12
#: How many numbers ahead the next ones of a long stretch are asked for.
STRETCH_AHEAD = 512
#: Numbers between two counters of threads: a cache line, so that neither waits for the other's.
OF_ITS_OWN = 8
#: The kernels that others call.
CALLED = ("next_piece", "excess_sweep", "carry_sweep", "backward_sweep", "adjoint_sweep", "placed")
#: The largest whole number of sixteen bits, and a part of it; what a whole number is rounded with; and the largest
#: weight that is too small for a scale of single precision.
WHOLE, PART, HALF, TINY = np.float32(65535.0), np.float32(1 / 65535), np.float32(0.5), np.float32(1e-30)
#: The kernels that work on rows of ``COLUMNS`` numbers, or in single precision: uncompiled, NumPy does these.
BY_COLUMNS = {
    "excess_columns",
    "carry_columns",
    "times_complete",
    "times_complete_transposed",
    "fill_full",
    "times_full",
    "times_full_transposed",
    "blocks_factorized",
    "changed_rows",
}


def lanes(rows: Array, row: int) -> Array:
    """Return a row of ``COLUMNS`` numbers; compiled, one packed vector."""
    return rows[row]  # type: ignore[no-any-return]


def widened(rows: Array, row: int) -> Array:
    """Return a row of ``COLUMNS`` whole numbers of sixteen bits in single precision."""
    return rows[row].astype(np.float32)  # type: ignore[no-any-return]


def stretch(numbers: Array, at: int) -> Array:
    """Return ``COLUMNS`` numbers of one dimension, from ``at``."""
    return numbers[at : at + COLUMNS]


def picked(table: Array, numbers: Array, at: int) -> Array:
    """Return what a table holds for ``COLUMNS`` numbers of one dimension, from ``at``."""
    return table[numbers[at : at + COLUMNS]]


def put(rows: Array, row: int, value: Array) -> None:
    """Write a row, rounded where it is of single precision."""
    rows[row] = value


def put_stretch(numbers: Array, at: int, value: Array) -> None:
    """Write ``COLUMNS`` numbers of one dimension, from ``at``."""
    numbers[at : at + COLUMNS] = value


def put_whole(rows: Array, row: int, value: Array) -> None:
    """Write a row as whole numbers of sixteen bits: without what follows the point, and 0 for what is below it."""
    rows[row] = np.maximum(value, np.float32(0.0))


def prefetch(rows: Array, row: int) -> None:
    """Ask for a row, or for ``COLUMNS`` numbers of one dimension, ahead of its use; compiled only."""


def across(value: Array) -> float:
    """Add the numbers of a row up, by halves."""
    while len(value) > 1:
        half = len(value) // 2
        value = value[:half] + value[half:]
    return value[0]  # type: ignore[no-any-return]


def highest(value: Array) -> float:
    """Return the largest number of a row."""
    return value.max()  # type: ignore[no-any-return]


def claim(counters: Array) -> int:
    """Return the number of the next piece of work, for this thread alone; compiled, in one step for all threads."""
    number = counters[0]
    counters[0] = number + 1
    return number  # type: ignore[no-any-return]


def finish(counters: Array) -> None:
    """Count a piece as done, and what it wrote as written."""
    counters[OF_ITS_OWN] += 1


def finished(counters: Array) -> int:
    """Return how many pieces are done."""
    return counters[OF_ITS_OWN]  # type: ignore[no-any-return]


def tell_put_off(counters: Array) -> None:
    """Tell that a thread has waited long for another."""
    counters[2 * OF_ITS_OWN] += 1


def put_off(counters: Array) -> int:
    """Return how often that was told."""
    return counters[2 * OF_ITS_OWN]  # type: ignore[no-any-return]


def next_piece(needs: Array, counters: Array, helps: bool) -> int:
    """Claim the next piece, wait until the ``needs`` of it are done, and return its number; −1 where none is left.

    Who ``helps`` takes no more once anybody has waited longer than any piece takes, in looks at the others' progress
    (the last of the ``counters``): a thread that the system has put off holds up the others.
    """
    if helps and put_off(counters) > 0:
        return -1
    k = claim(counters)
    if k >= len(needs):
        return -1
    waited = 0
    patience = counters[3 * OF_ITS_OWN]
    while finished(counters) < needs[k]:
        waited += 1
        if waited == patience:
            tell_put_off(counters)
    return k


def excess_sweep(
    first: Array, supplier: Array, share: Array, class_of_input: Array, rates: Array, x: Array, start: int, stop: int
) -> None:
    """Write the excess price of each stage, its suppliers' being known: x_j = Σ_e a_e [x_i + r_e (1 + x_i)].

    In this form every term is exactly 0 where no duty is paid, and a rate of 1e-12 keeps all its digits.
    """
    for j in range(start, stop):
        total = 0.0
        for e in range(first[j], first[j + 1]):
            excess = x[supplier[e]]
            total += share[e] * (excess + rates[class_of_input[e]] * (1.0 + excess))
        x[j] = total


def excess_shared(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    x: Array,
    begins: Array,
    needs: Array,
    counters: Array,
    helps: bool,
    most: int,
) -> bool:
    """Do as ``excess_sweep`` for pieces of the stages that threads claim in turn; return whether some are left.

    Piece k is ``begins[k]`` to ``begins[k + 1]``, and waits until the first ``needs[k]`` are done. At most ``most``
    pieces, so that Ctrl-C is heard.
    """
    for _ in range(most):
        k = next_piece(needs, counters, helps)
        if k < 0:
            return False
        excess_sweep(first, supplier, share, class_of_input, rates, x, begins[k], begins[k + 1])
        finish(counters)
    return True


def excess_columns(
    first: Array, supplier: Array, share: Array, class_of_input: Array, rates: Array, x: Array, start: int, stop: int
) -> None:
    """Do the same for ``COLUMNS`` scenarios at once. ``rates``: (classes, COLUMNS), ``x``: (stages, COLUMNS)."""
    last = len(supplier) - 1
    for j in range(start, stop):
        total = lanes(rates, len(rates) - 1)
        for e in range(first[j], first[j + 1]):
            prefetch(x, supplier[min(e + FETCH_AHEAD, last)])
            excess = lanes(x, supplier[e])
            total = total + share[e] * (excess + lanes(rates, class_of_input[e]) * (1.0 + excess))
        put(x, j, total)


def carry_sweep(first: Array, supplier: Array, share: Array, stopping: bool, x: Array, start: int, stop: int) -> None:
    """Add to each stage what its inputs carry: x_j = c_j + Σ_e a_e x_i; ``x`` holds c on entry.

    ``stopping``: c is 1 where the recursion stops and 0 elsewhere, and x_j = 1 where it stops.
    """
    for j in range(start, stop):
        own = x[j]
        total = own
        for e in range(first[j], first[j + 1]):
            total += share[e] * x[supplier[e]]
        if stopping:
            total = own + (1.0 - own) * total
        x[j] = total


def carry_shared(
    first: Array,
    supplier: Array,
    share: Array,
    stopping: bool,
    x: Array,
    begins: Array,
    needs: Array,
    counters: Array,
    helps: bool,
    most: int,
) -> bool:
    """Do as ``carry_sweep`` for pieces that threads claim in turn, as in ``excess_shared``."""
    for _ in range(most):
        k = next_piece(needs, counters, helps)
        if k < 0:
            return False
        carry_sweep(first, supplier, share, stopping, x, begins[k], begins[k + 1])
        finish(counters)
    return True


def carry_columns(first: Array, supplier: Array, share: Array, stopping: bool, x: Array, start: int, stop: int) -> None:
    """Do the same for ``COLUMNS`` columns at once. ``x``: (stages, COLUMNS)."""
    last = len(supplier) - 1
    for j in range(start, stop):
        own = lanes(x, j)
        total = own
        for e in range(first[j], first[j + 1]):
            prefetch(x, supplier[min(e + FETCH_AHEAD, last)])
            total = total + share[e] * lanes(x, supplier[e])
        if stopping:
            total = own + (1.0 - own) * total
        put(x, j, total)


def fronts(first: Array, supplier: Array, begins: Array, start: int, stop: int) -> int:
    """Write where each front begins, a range of stages none of which buys from another; return how many there are."""
    count = 0
    begin = start
    for j in range(start, stop):
        waits = j == start
        for e in range(first[j], first[j + 1]):
            if supplier[e] >= begin:
                waits = True
        if waits:
            begins[count] = j
            begin = j
            count += 1
    return count


def backward_sweep(first: Array, supplier: Array, weight: Array, known: Array, y: Array, start: int, stop: int) -> None:
    """Hand y_j on to the suppliers, last stage first: y_supplier(e) += weight_e · y_j (y = c + Wᵀ y).

    ``known``: where y_j is read, ``y`` itself where one part does all.
    """
    for j in range(stop - 1, start - 1, -1):
        handed_on = known[j]
        if handed_on != 0.0:
            for e in range(first[j], first[j + 1]):
                y[supplier[e]] += weight[e] * handed_on


def backward_shared(
    first: Array,
    supplier: Array,
    weight: Array,
    y: Array,
    beside: Array,
    begins: Array,
    ends: Array,
    part: Array,
    needs: Array,
    counters: Array,
    helps: bool,
    most: int,
) -> bool:
    """Do as ``backward_sweep`` for pieces that threads claim in turn, users first, as in ``excess_shared``.

    Pieces of part 0 add to ``y``, those of part 1 to ``beside``: the same pieces in the same order on any number of
    threads. A piece adds up what both have handed to its stages before it hands on.
    """
    for _ in range(most):
        k = next_piece(needs, counters, helps)
        if k < 0:
            return False
        for j in range(begins[k], ends[k]):
            y[j] += beside[j]
            beside[j] = 0.0
        backward_sweep(first, supplier, weight, y, beside if part[k] else y, begins[k], ends[k])
        finish(counters)
    return True


def adjoint_sweep(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    x: Array,
    by_input: Array,
    each: bool,
    known: Array,
    y: Array,
    by_class: Array,
    start: int,
    stop: int,
) -> None:
    """Hand the weight y_j of each stage in an objective on to its suppliers, and what each rate is worth to its class.

    y_i += a_e (1 + r_e) y_j, and dJ/dr_c = Σ_e a_e y_j (1 + x_i) over the inputs of class c. ``known``: where y_j is
    read, ``y`` itself outside cycles. ``by_input``: (inputs,), the same input by input where ``each`` is set.
    """
    for j in range(stop - 1, start - 1, -1):
        weight = known[j]
        if weight != 0.0:
            # Two loops over the row: each keeps one table in the processor's cache (a third faster than one).
            for e in range(first[j], first[j + 1]):
                part = share[e] * weight
                y[supplier[e]] += part + part * rates[class_of_input[e]]
            for e in range(first[j], first[j + 1]):
                by_class[class_of_input[e]] += share[e] * weight * (1.0 + x[supplier[e]])
            if each:
                for e in range(first[j], first[j + 1]):
                    by_input[e] = share[e] * weight * (1.0 + x[supplier[e]])


def adjoint_shared(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    x: Array,
    by_input: Array,
    each: bool,
    y: Array,
    by_class: Array,
    beside: Array,
    by_class_beside: Array,
    begins: Array,
    ends: Array,
    part: Array,
    needs: Array,
    counters: Array,
    helps: bool,
    most: int,
) -> bool:
    """Do as ``adjoint_sweep`` for pieces that threads claim in turn, as in ``backward_shared``."""
    for _ in range(most):
        k = next_piece(needs, counters, helps)
        if k < 0:
            return False
        for j in range(begins[k], ends[k]):
            y[j] += beside[j]
            beside[j] = 0.0
        inputs = (first, supplier, share, class_of_input, rates, x, by_input, each)
        if part[k]:
            adjoint_sweep(*inputs, y, beside, by_class_beside, begins[k], ends[k])
        else:
            adjoint_sweep(*inputs, y, y, by_class, begins[k], ends[k])
        finish(counters)
    return True


def inputs_by_user(supplier: Array, user: Array, first: Array, place: Array, of_user: Array, rows: Array) -> None:
    """Group inputs by user, in their order.

    ``of_user``: (inputs,), their suppliers; ``rows``: (inputs,), their numbers with the caller; ``first``:
    (stages + 1,), zeros on entry; ``place``: (stages,), work space.
    """
    for e in range(len(user)):
        first[user[e] + 1] += 1
    for j in range(len(place)):
        first[j + 1] += first[j]
        place[j] = first[j]
    for e in range(len(user)):
        j = user[e]
        at = place[j]
        of_user[at] = supplier[e]
        rows[at] = e
        place[j] = at + 1


def renumbered(
    first: Array,
    of_user: Array,
    rows: Array,
    order: Array,
    place: Array,
    new_first: Array,
    new_supplier: Array,
    new_rows: Array,
) -> None:
    """Number the stages by their place in ``order``, and lay their inputs out in that order."""
    for k in range(len(order)):
        place[order[k]] = k
    at = 0
    for k in range(len(order)):
        j = order[k]
        new_first[k] = at
        for e in range(first[j], first[j + 1]):
            new_supplier[at] = place[of_user[e]]
            new_rows[at] = rows[e]
            at += 1
    new_first[len(order)] = at


def strong_components(
    first: Array,
    supplier: Array,
    component: Array,
    order: Array,
    index: Array,
    low: Array,
    stack: Array,
    path: Array,
    edge: Array,
    finished: Array,
) -> int:
    """Number the strongly connected components, suppliers first; return how many there are (Tarjan 1972).

    ``component``: (stages,), the number of each stage's component. ``order``: (stages,), the stages with suppliers
    before users, the stages of one component side by side and in the order in which a search from the users meets
    them last (near-topological). The rest, (stages,) each, is work space; ``index`` and ``component`` hold −1.
    """
    n = len(component)
    stacked = 0
    clock = 0
    finish = 0
    components = 0
    for root in range(n):
        if index[root] >= 0:
            continue
        depth = 0
        path[0] = root
        edge[root] = first[root]
        index[root] = clock
        low[root] = clock
        clock += 1
        stack[stacked] = root
        stacked += 1
        while depth >= 0:
            j = path[depth]
            at = edge[j]
            end = first[j + 1]
            lowest = low[j]
            descend = False
            while at < end:
                i = supplier[at]
                at += 1
                if index[i] < 0:
                    index[i] = clock
                    low[i] = clock
                    clock += 1
                    stack[stacked] = i
                    stacked += 1
                    edge[i] = first[i]
                    depth += 1
                    path[depth] = i
                    descend = True
                    break
                if component[i] < 0:  # met before and not closed: it waits on the stack
                    lowest = min(lowest, index[i])
            edge[j] = at
            low[j] = lowest
            if descend:
                continue
            finished[finish] = j
            finish += 1
            depth -= 1
            if depth >= 0:
                low[path[depth]] = min(low[path[depth]], lowest)
            if lowest == index[j]:
                while True:
                    stacked -= 1
                    i = stack[stacked]
                    component[i] = components
                    if i == j:
                        break
                components += 1
    # Tarjan closes a component after every component that it buys from: numbers run from suppliers to users.
    for c in range(components):
        stack[c] = 0
    for j in range(n):
        stack[component[j]] += 1
    total = 0
    for c in range(components):
        size = stack[c]
        stack[c] = total
        total += size
    for k in range(n):
        j = finished[k]
        order[stack[component[j]]] = j
        stack[component[j]] += 1
    return components


def layers(
    first: Array,
    supplier: Array,
    component: Array,
    order: Array,
    layer: Array,
    count: Array,
    tally: Array,
    by_count: Array,
    ordered: Array,
) -> None:
    """Reorder the stages by layer, the longest chain of components into their own; in a layer by number of inputs.

    Stages side by side then seldom wait for one another, and the processor foresees where their inputs end: a third
    faster than the order of the search. ``order``: as ``strong_components`` leaves it, the result goes to ``ordered``.
    Components stay whole, and their stages in order. ``layer``: (components,), ``count``: (stages + 1,), zeros;
    ``tally``: zeros, as many as there are numbers of inputs to tell apart; ``by_count``: (stages,).
    """
    most = len(tally) - 2
    stages = len(order)
    for k in range(stages):
        j = order[k]
        c = component[j]
        highest = layer[c]
        for e in range(first[j], first[j + 1]):
            d = component[supplier[e]]
            if d != c:
                highest = max(highest, layer[d] + 1)
        layer[c] = highest
    for k in range(stages):
        c = component[order[k]]
        together = (k > 0 and component[order[k - 1]] == c) or (k + 1 < stages and component[order[k + 1]] == c)
        inputs = 0 if together else min(most, first[order[k] + 1] - first[order[k]])
        ordered[k] = inputs
        tally[inputs + 1] += 1
        count[layer[c] + 1] += 1
    for k in range(most):
        tally[k + 1] += tally[k]
    for k in range(stages):
        count[k + 1] += count[k]
    for k in range(stages):
        at = tally[ordered[k]]
        tally[ordered[k]] = at + 1
        by_count[at] = order[k]
    for k in range(stages):
        j = by_count[k]
        at = count[layer[component[j]]]
        count[layer[component[j]]] = at + 1
        ordered[at] = j


def residual(
    first: Array, supplier: Array, weight: Array, constant: Array, x: Array, r: Array, start: int, stop: int
) -> None:
    """Write into r a bound on |c + W x − x|: the computed residual plus what rounding may have hidden of it."""
    unit = 2.220446049250313e-16
    for j in range(start, stop):
        total = constant[j]
        size = abs(constant[j])
        for e in range(first[j], first[j + 1]):
            term = weight[e] * x[supplier[e]]
            total += term
            size += abs(term)
        terms = int(first[j + 1] - first[j]) + 3
        r[j] = abs(total - x[j]) + unit * terms * (size + abs(x[j]))


def excess_residual(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    x: Array,
    r: Array,
    start: int,
    stop: int,
) -> None:
    """Write into r a bound on |Σ_e a_e [x_i + r_e (1 + x_i)] − x_j|, rounding included."""
    unit = 2.220446049250313e-16
    for j in range(start, stop):
        total = 0.0
        size = 0.0
        for e in range(first[j], first[j + 1]):
            excess = x[supplier[e]]
            rate = rates[class_of_input[e]]
            total += share[e] * (excess + rate * (1.0 + excess))
            size += share[e] * (abs(excess) + abs(rate) * (1.0 + abs(excess)))
        terms = int(first[j + 1] - first[j]) + 6
        r[j] = abs(total - x[j]) + unit * terms * (size + abs(x[j]))


def component_rows(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    x: Array,
    base: int,
    inner_supplier: Array,
    weight: Array,
    loop: Array,
    constant: Array,
    start: int,
    stop: int,
) -> None:
    """Split the inputs of a component's stages: those from inside it as weights, the rest as constants.

    The arrays by input are the component's own, ``supplier`` numbers all stages; the component begins at ``base``, and
    its rows count from there. A constant is Σ a r over the inputs from inside and Σ a [x_i + r (1 + x_i)] over the
    others, which stay as inputs of weight 0 from the stage itself. ``loop``: what a stage buys from itself.
    """
    for j in range(start, stop):
        total = 0.0
        own = 0.0
        for e in range(first[j], first[j + 1]):
            i = int(supplier[e])
            rate = rates[class_of_input[e]]
            if i >= base:
                inner_supplier[e] = i - base
                weight[e] = share[e] + share[e] * rate
                if i - base == j:
                    own += weight[e]
                total += share[e] * rate
            else:
                inner_supplier[e] = j
                weight[e] = 0.0
                total += share[e] * (x[i] + rate * (1.0 + x[i]))
        loop[j] = own
        constant[j] = total


def gauss_seidel(
    first: Array, supplier: Array, weight: Array, loop: Array, constant: Array, x: Array, start: int, stop: int
) -> None:
    """Sweep once over the rows of x = c + W x, each using what those before it have just found.

    ``loop``: (stages,), what a stage buys from itself. In four sums side by side.
    """
    for j in range(start, stop):
        weights = weight[first[j] : first[j + 1]]
        suppliers = supplier[first[j] : first[j + 1]]
        x[j] = 0.0  # its own part is on the other side
        one = two = three = four = 0.0
        for k in range(len(weights) // 4):
            one += weights[4 * k] * x[suppliers[4 * k]]
            two += weights[4 * k + 1] * x[suppliers[4 * k + 1]]
            three += weights[4 * k + 2] * x[suppliers[4 * k + 2]]
            four += weights[4 * k + 3] * x[suppliers[4 * k + 3]]
        for k in range(len(weights) // 4 * 4, len(weights)):
            one += weights[k] * x[suppliers[k]]
        x[j] = (constant[j] + ((one + two) + (three + four))) / (1.0 - loop[j])


def times_sparse(first: Array, supplier: Array, weight: Array, v: Array, product: Array, start: int, stop: int) -> None:
    """Write W v for the rows ``start`` to ``stop``, in four sums side by side."""
    for j in range(start, stop):
        weights = weight[first[j] : first[j + 1]]
        suppliers = supplier[first[j] : first[j + 1]]
        one = two = three = four = 0.0
        for k in range(len(weights) // 4):
            one += weights[4 * k] * v[suppliers[4 * k]]
            two += weights[4 * k + 1] * v[suppliers[4 * k + 1]]
            three += weights[4 * k + 2] * v[suppliers[4 * k + 2]]
            four += weights[4 * k + 3] * v[suppliers[4 * k + 3]]
        for k in range(len(weights) // 4 * 4, len(weights)):
            one += weights[k] * v[suppliers[k]]
        product[j] = (one + two) + (three + four)


def times_inputs(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    complete: Array,
    v: Array,
    product: Array,
    start: int,
    stop: int,
) -> None:
    """Write W v for the rows ``start`` to ``stop`` of a component, W = a (1 + r), in four sums side by side.

    ``complete``: which rows are left to ``times_complete``. ``v``: by supplier, as all stages are numbered; 0 outside
    the component.
    """
    for j in range(start, stop):
        if complete[j]:
            continue
        shares = share[first[j] : first[j + 1]]
        suppliers = supplier[first[j] : first[j + 1]]
        classes = class_of_input[first[j] : first[j + 1]]
        one = two = three = four = 0.0
        for k in range(len(shares) // 4):
            one += shares[4 * k] * (1.0 + rates[classes[4 * k]]) * v[suppliers[4 * k]]
            two += shares[4 * k + 1] * (1.0 + rates[classes[4 * k + 1]]) * v[suppliers[4 * k + 1]]
            three += shares[4 * k + 2] * (1.0 + rates[classes[4 * k + 2]]) * v[suppliers[4 * k + 2]]
            four += shares[4 * k + 3] * (1.0 + rates[classes[4 * k + 3]]) * v[suppliers[4 * k + 3]]
        for k in range(len(shares) // 4 * 4, len(shares)):
            one += shares[k] * (1.0 + rates[classes[k]]) * v[suppliers[k]]
        product[j] = (one + two) + (three + four)


def times_complete(
    first: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    complete: Array,
    v: Array,
    product: Array,
    start: int,
    stop: int,
) -> None:
    """Do the same for the complete rows: those that name every supplier of the component in order. ``v``: inside it."""
    size = len(v)
    for j in range(start, stop):
        if not complete[j]:
            continue
        begin = int(first[j])
        total = stretch(share, begin) * (1.0 + picked(rates, class_of_input, begin)) * stretch(v, 0)
        for k in range(COLUMNS, size // COLUMNS * COLUMNS, COLUMNS):
            at = begin + k
            prefetch(share, at + STRETCH_AHEAD)
            prefetch(class_of_input, at + STRETCH_AHEAD)
            total = total + stretch(share, at) * (1.0 + picked(rates, class_of_input, at)) * stretch(v, k)
        rest = 0.0
        for k in range(size // COLUMNS * COLUMNS, size):
            rest += share[begin + k] * (1.0 + rates[class_of_input[begin + k]]) * v[k]
        product[j] = across(total) + rest


def times_inputs_transposed(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    complete: Array,
    v: Array,
    base: int,
    product: Array,
    start: int,
    stop: int,
) -> None:
    """Add to ``product`` what the rows ``start`` to ``stop`` of a component contribute to Wᵀ v, less complete rows."""
    for j in range(start, stop):
        if complete[j]:
            continue
        for e in range(first[j], first[j + 1]):
            if supplier[e] >= base:
                product[supplier[e] - base] += share[e] * (1.0 + rates[class_of_input[e]]) * v[j]


def times_complete_transposed(
    first: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    complete: Array,
    v: Array,
    product: Array,
    start: int,
    stop: int,
) -> None:
    """Do the same for the complete rows."""
    size = len(product)
    for j in range(start, stop):
        if not complete[j]:
            continue
        begin = int(first[j])
        for k in range(0, size // COLUMNS * COLUMNS, COLUMNS):
            at = begin + k
            prefetch(share, at + STRETCH_AHEAD)
            prefetch(class_of_input, at + STRETCH_AHEAD)
            weight = stretch(share, at) * (1.0 + picked(rates, class_of_input, at))
            put_stretch(product, k, stretch(product, k) + weight * v[j])
        for k in range(size // COLUMNS * COLUMNS, size):
            product[k] += share[begin + k] * (1.0 + rates[class_of_input[begin + k]]) * v[j]


def placed(row: Array, share: float, rate: float, place: int, x: Array, supplier: int) -> float:
    """Add the weight of an input from inside to its place in a row; return what the input adds to the constant."""
    if place >= 0:
        row[place] += share + share * rate
        return share * rate
    return share * (x[supplier] + rate * (1.0 + x[supplier]))  # type: ignore[no-any-return]


def home_suppliers(
    first: Array,
    supplier: Array,
    class_of_input: Array,
    borderless: int,
    base: int,
    domestic: Array,
    furthest: Array,
    start: int,
    stop: int,
) -> None:
    """Write two stages that supply each without a border, itself where none does.

    ``borderless``: the class of such inputs. They are the ends of the run of them around the stage itself, since most
    tables list a country's stages side by side and suppliers in order; where there is no run, the first and the last.
    """
    size = len(domestic)
    for j in range(start, stop):
        classes = class_of_input[first[j] : first[j + 1]]
        suppliers = supplier[first[j] : first[j + 1]]
        last = len(classes) - 1
        own = base + j
        low = j * len(classes) // size
        while low > 0 and suppliers[low - 1] >= own:
            low -= 1
        while low <= last and suppliers[low] < own:
            low += 1
        high = low - 1
        while low > 0 and classes[low - 1] == borderless and suppliers[low - 1] >= base:
            low -= 1
        while high < last and classes[high + 1] == borderless and suppliers[high + 1] >= base:
            high += 1
        if high < low or (suppliers[low] == own and suppliers[high] == own):
            low, high = 0, last
            while low <= last and (classes[low] != borderless or suppliers[low] < base):
                low += 1
            while high >= low and (classes[high] != borderless or suppliers[high] < base):
                high -= 1
        domestic[j] = j if high < low else int(suppliers[low]) - base
        furthest[j] = j if high < low else int(suppliers[high]) - base


def fill_full(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    complete: Array,
    base: int,
    x: Array,
    block_of: Array,
    first_member: Array,
    members: Array,
    begins: Array,
    codes: Array,
    scales: Array,
    constant: Array,
    factors: Array,
    start: int,
    stop: int,
) -> None:
    """Lay the rows ``start`` to ``stop`` of W out as ``times_full`` reads them; write what enters each stage.

    W within a block of stages, ``members[first_member[b] : first_member[b + 1]]``, goes to ``factors`` in place of
    the matrix: I − Wᵀ, row by row from ``begins[b]``. ``block_of``: the block of each stage. A weight below 0, which
    only a table of negative uses has, counts as 0 in the matrix.
    """
    size = len(constant)
    chunks = len(scales) // size
    rows = np.zeros((chunks, COLUMNS), np.float32)
    row = rows.reshape(-1)
    for j in range(start, stop):
        begin = int(first[j])
        end = int(first[j + 1])
        shares = share[begin:end]
        classes = class_of_input[begin:end]
        if complete[j]:
            total = stretch(share, begin) * picked(rates, class_of_input, begin)
            put(rows, 0, stretch(share, begin) + total)
            for k in range(1, size // COLUMNS):
                at = begin + COLUMNS * k
                prefetch(share, at + STRETCH_AHEAD)
                prefetch(class_of_input, at + STRETCH_AHEAD)
                one_share = stretch(share, at)
                on_rate = one_share * picked(rates, class_of_input, at)
                put(rows, k, one_share + on_rate)
                total = total + on_rate
            rest = 0.0
            for k in range(size // COLUMNS * COLUMNS, size):
                row[k] = shares[k] + shares[k] * rates[classes[k]]
                rest += shares[k] * rates[classes[k]]
            constant[j] = across(total) + rest
        else:
            suppliers = supplier[begin:end]
            row[:] = 0.0
            one = two = 0.0
            half = len(shares) // 2
            for k in range(half):  # from both ends, so that neither sum waits for the other
                one += placed(row, shares[k], rates[classes[k]], int(suppliers[k]) - base, x, suppliers[k])
                k += half
                two += placed(row, shares[k], rates[classes[k]], int(suppliers[k]) - base, x, suppliers[k])
            for k in range(2 * half, len(shares)):
                one += placed(row, shares[k], rates[classes[k]], int(suppliers[k]) - base, x, suppliers[k])
            constant[j] = one + two
        if len(factors) > 0:
            b = block_of[j]
            own = members[first_member[b] : first_member[b + 1]]
            block = factors[begins[b] : begins[b + 1]]
            i = 0
            while own[i] != j:
                i += 1
            for k in range(len(own)):
                block[k * len(own) + i] = (1.0 if i == k else 0.0) - float(row[own[k]])
                row[own[k]] = 0.0
        for k in range(chunks):
            value = lanes(rows, k)
            most = highest(value)
            if most > TINY:
                scales[j * chunks + k] = most * PART
                put_whole(codes, j * chunks + k, value * (WHOLE / most) + HALF)
            else:
                scales[j * chunks + k] = 0.0
                put_whole(codes, j * chunks + k, value)


def times_full(codes: Array, scales: Array, v: Array, product: Array, start: int, stop: int) -> None:
    """Write W v for the rows ``start`` to ``stop``, W = code · scale, in single precision.

    ``codes``: (size · chunks, COLUMNS), ``scales``: (size · chunks,), ``v``: (chunks, COLUMNS).
    """
    chunks = v.shape[0]
    fours = start + (stop - start) // 4 * 4
    for j in range(start, fours, 4):  # four rows at once: each part of v is read once for them
        a, b, c, d = j * chunks, (j + 1) * chunks, (j + 2) * chunks, (j + 3) * chunks
        part = lanes(v, 0)
        one, two = scales[a] * (widened(codes, a) * part), scales[b] * (widened(codes, b) * part)
        three, four = scales[c] * (widened(codes, c) * part), scales[d] * (widened(codes, d) * part)
        for k in range(1, chunks):
            part = lanes(v, k)
            one = one + scales[a + k] * (widened(codes, a + k) * part)
            two = two + scales[b + k] * (widened(codes, b + k) * part)
            three = three + scales[c + k] * (widened(codes, c + k) * part)
            four = four + scales[d + k] * (widened(codes, d + k) * part)
        product[j], product[j + 1] = across(one), across(two)
        product[j + 2], product[j + 3] = across(three), across(four)
    for j in range(fours, stop):
        a = j * chunks
        one = scales[a] * (widened(codes, a) * lanes(v, 0))
        for k in range(1, chunks):
            one = one + scales[a + k] * (widened(codes, a + k) * lanes(v, k))
        product[j] = across(one)


def times_full_transposed(codes: Array, scales: Array, v: Array, product: Array, start: int, stop: int) -> None:
    """Add to ``product``, (chunks, COLUMNS), what the rows ``start`` to ``stop`` contribute to Wᵀ v. ``v``: single."""
    chunks = product.shape[0]
    for j in range(start, stop):
        a = j * chunks
        for k in range(chunks):
            put(product, k, lanes(product, k) + (scales[a + k] * v[j]) * widened(codes, a + k))


def blocks_factorized(first_member: Array, begins: Array, factors: Array, start: int, stop: int) -> None:
    """Factorize blocks of I − Wᵀ in place, as ``fill_full`` leaves them; the lower triangle gets a unit diagonal."""
    for b in range(start, stop):
        size = first_member[b + 1] - first_member[b]
        block = factors[begins[b] : begins[b + 1]]
        for k in range(size):
            pivot = block[k * size + k]
            if pivot == 0.0:  # in single precision the block uses all it makes: no numbers that could mislead
                block[:] = np.nan
                break
            upper = block[k * size + k + 1 : (k + 1) * size]
            for i in range(k + 1, size):
                factor = block[i * size + k] / pivot
                block[i * size + k] = factor
                lower = block[i * size + k + 1 : (i + 1) * size]
                for c in range(len(upper)):
                    lower[c] -= factor * upper[c]


def blocks_solved(
    first: Array, members: Array, begins: Array, factors: Array, right: Array, x: Array, start: int, stop: int
) -> None:
    """Write into x the solution within blocks of I − W, as ``blocks_factorized`` leaves them.

    I − W is the upper triangle turned times the lower one turned: a row of either is what one solved stage takes off
    the others, side by side.
    """
    for b in range(start, stop):
        size = first[b + 1] - first[b]
        own = members[first[b] : first[b + 1]]
        block = factors[begins[b] : begins[b + 1]]
        solved = np.empty(size)
        for i in range(size):
            solved[i] = right[own[i]]
        for i in range(size):
            value = solved[i] / block[i * size + i]
            solved[i] = value
            row = block[i * size + i + 1 : (i + 1) * size]
            rest = solved[i + 1 :]
            for k in range(len(row)):
                rest[k] -= row[k] * value
        for i in range(size - 1, -1, -1):
            row = block[i * size : (i + 1) * size]
            value = solved[i]
            for k in range(i):
                solved[k] -= row[k] * value
        for i in range(size):
            x[own[i]] = solved[i]


def blocks_solved_transposed(
    first: Array, members: Array, begins: Array, factors: Array, right: Array, x: Array, start: int, stop: int
) -> None:
    """Do the same for I − Wᵀ."""
    for b in range(start, stop):
        size = first[b + 1] - first[b]
        own = members[first[b] : first[b + 1]]
        block = factors[begins[b] : begins[b + 1]]
        solved = np.empty(size)
        for i in range(size):
            total = right[own[i]]
            for k in range(i):
                total -= block[i * size + k] * solved[k]
            solved[i] = total
        for i in range(size - 1, -1, -1):
            total = solved[i]
            for k in range(i + 1, size):
                total -= block[i * size + k] * solved[k]
            solved[i] = total / block[i * size + i]
        for i in range(size):
            x[own[i]] = solved[i]


def hand_outside(first: Array, supplier: Array, weight: Array, base: int, y: Array) -> None:
    """Hand on what a component's stages require of suppliers outside it."""
    for j in range(len(first) - 1):
        for e in range(first[j], first[j + 1]):
            if supplier[e] < base:
                y[supplier[e]] += weight[e] * y[base + j]


def changed_rows(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    base: Array,
    rates: Array,
    x: Array,
    response: Array,
    right: Array,
    small: Array,
) -> None:
    """Write what other rates do to a few rows: right = Σ_e a_e (r − r⁰) (1 + x_i), small = Σ_e a_e (r − r⁰) response_i.

    The arrays by input are those of the rows; ``response``: (stages, rows); ``small``: (rows, rows).
    """
    for j in range(len(first) - 1):
        total = 0.0
        row = small[j]
        row[:] = 0.0
        for e in range(first[j], first[j + 1]):
            change = share[e] * (rates[class_of_input[e]] - base[class_of_input[e]])
            if change != 0.0:
                total += change * (1.0 + x[supplier[e]])
                of_supplier = response[supplier[e]]
                for k in range(len(row)):
                    row[k] += change * of_supplier[k]
        right[j] = total


def rows_checked(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array,
    rates: Array,
    x: Array,
    w: Array,
    own: Array,
    own_w: Array,
    r: Array,
    margin: Array,
    sums: Array,
) -> None:
    """Write, for a few rows, the bound of ``excess_residual``, w − W w and the sum of |W|; ``own``: their x."""
    unit = 2.220446049250313e-16
    for j in range(len(first) - 1):
        total = 0.0
        size = 0.0
        weighed = 0.0
        absolute = 0.0
        for e in range(first[j], first[j + 1]):
            excess = x[supplier[e]]
            rate = rates[class_of_input[e]]
            total += share[e] * (excess + rate * (1.0 + excess))
            size += share[e] * (abs(excess) + abs(rate) * (1.0 + abs(excess)))
            weight = share[e] + share[e] * rate
            weighed += weight * w[supplier[e]]
            absolute += abs(weight)
        r[j] = abs(total - own[j]) + unit * (first[j + 1] - first[j] + 6) * (size + abs(own[j]))
        margin[j] = own_w[j] - weighed
        sums[j] = absolute
