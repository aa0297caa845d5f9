# SPDX-License-Identifier: BSD-2-Clause
# spread.py URL COUNT POD...: sends COUNT requests, each over a connection of its own, and
# draws who answered how many. Fails unless all were answered, by these pods and no others,
# each near its even share.
import collections
import concurrent.futures
import http.client
import sys
import urllib.parse

PARALLEL = 16
TOLERANCE = 0.2
BAR_WIDTH = 50


def ask(host):
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", "/")
        text = connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {error}"
    finally:
        connection.close()
    return text.split()[-1] if text.startswith("Hello, World!") else f"not ours: {text!r}"


def main(url, count, pods):
    host = urllib.parse.urlsplit(url).netloc
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        answers = collections.Counter(pool.map(ask, [host] * count))
    for name in sorted(set(answers) | set(pods)):
        share = answers[name] / count
        print(f"     {name:26} {answers[name]:5} {share:6.1%}  {'#' * round(share * BAR_WIDTH)}")
    even = count / len(pods)
    fair = all(abs(answers[name] - even) <= TOLERANCE * even for name in pods)
    if set(answers) != set(pods):
        sys.exit(f"answers from {', '.join(sorted(answers))}; expected {', '.join(pods)}")
    if not fair:
        sys.exit(f"not within {TOLERANCE:.0%} of an even share")


main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
