# The whole app, TensorFlow included. There was no Docker engine where this was written: tests/test_deploy.py compares
# its lines with the Procfile, .python-version and the settings, but the image itself has not been built.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    DIGITLAB_HOME=/data \
    KERAS_HOME=/data/keras \
    PORT=8501

RUN useradd --create-home --uid 1000 digitlab && mkdir /data && chown digitlab /data
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .

USER digitlab
VOLUME /data
EXPOSE 8501
HEALTHCHECK --start-period=60s --timeout=5s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/api/health', timeout=4)"]
# The Procfile's own command, which names PORT.
CMD ["sh", "-c", "eval exec $(sed -n 's/^web: *//p' Procfile)"]
