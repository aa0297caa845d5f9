# SPDX-License-Identifier: BSD-2-Clause
# webapp.py PORT: the "Hello, World!" of a first Kubernetes tutorial; it also tells which pod
# answers. In a pod, HOSTNAME is the pod's name.
import logging
import os
import sys

from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello():
    return f"Hello, World! I am {os.environ['HOSTNAME']}\n"


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app.run(host="0.0.0.0", port=int(sys.argv[1]), threaded=True)
