import threading

from ferrero_dagster.clients.held_bytes import HeldBytes


def test_no_more_is_held_than_there_is_room_for_and_what_is_larger_than_all_waits_until_it_is_alone():
    held, inside, most = HeldBytes(10), [], []

    def work(size_bytes):
        with held.room(size_bytes):
            inside.append(size_bytes)
            most.append(sum(inside) if len(inside) > 1 else 0)
            inside.remove(size_bytes)

    threads = [threading.Thread(target=work, args=(size,)) for size in [4, 25, 6, 3, 10, 1] * 20]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == 120
    assert max(most) <= 10


def test_who_needs_much_is_not_overtaken_for_ever():
    held, order = HeldBytes(10), []
    held.take(8)

    def hold(name, size_bytes):
        with held.room(size_bytes):
            order.append(name)

    large = threading.Thread(target=hold, args=("large", 9))
    large.start()
    while not held._turn.locked():
        continue
    small = threading.Thread(target=hold, args=("small", 1))
    small.start()
    small.join(0.05)
    assert not order
    held.give_back(8)
    large.join()
    small.join()
    assert order == ["large", "small"]
