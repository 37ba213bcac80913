"""read -> decode -> classify, one photo after the other, on one thread: rival.py MODEL PHOTO..."""

import json
import sys

import cv2
import numpy as np
import onnxruntime

cv2.setNumThreads(1)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name

for path in sys.argv[2:]:
    with open(path, "rb") as file:
        data = np.frombuffer(file.read(), np.uint8)
    # 12 megapixels at an eighth are 500 x 375.
    photo = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_8)
    photo = cv2.resize(photo, (192, 48), interpolation=cv2.INTER_AREA)
    # Subtracts, scales and brings the planes into order in one pass of compiled code.
    tensor = cv2.dnn.blobFromImage(photo, 1 / 127.5, mean=(127.5, 127.5, 127.5))
    shares = session.run(None, {name: tensor})[0][0].tolist()
    labels = [{"label": label, "score": round(share, 3)} for label, share in zip(["upright", "turned"], shares)]
    print(json.dumps({"steps": {"direction": {"labels": labels}}}), flush=True)
