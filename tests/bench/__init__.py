"""What a call and a decision cost: `make bench`, or `python -m tests.bench [names] [--quick] [--json FILE]`.

    calls     CPU of a whole call against a bare aiohttp call and a bare httpx call      calls.py, ways.py
    streams   the same for streams
    client    CPU of the client for a decision without a call                            client.py, questions.py
    scripts   time the server spends on a decision, from INFO commandstats               scripts.py
    refusals  the same for an acquire that finds no room                                 refusals.py
    rates     decisions per second of one worker process and of four                     rates.py
    peers     LiteLLM's Router on the same upstream, where it is installed               peers.py

Machines are noisy, so what is compared is measured in turns (A B C A B C …) within one run, and ratios count more than
times. Every deployment has rpm, tpm and max_parallel_requests, and latency decides: each reservation is really made.
"""
