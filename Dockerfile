# Two stages: what is built, and what runs. No compiler, no root, one folder that is written to.
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /opt/countersign \
    && /opt/countersign/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY bot ./bot
COPY commands ./commands
RUN /opt/countersign/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim-bookworm
# `ssh-keygen` checks signatures of plans; which version it is does not matter from 8.2 on.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openssh-client \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 countersign \
    && mkdir /srv/countersign /srv/countersign/data \
    && chown -R countersign /srv/countersign
COPY --from=build /opt/countersign /opt/countersign
ENV PATH=/opt/countersign/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json HTTP_ADDR=127.0.0.1:8081
USER 10001
WORKDIR /srv/countersign
VOLUME /srv/countersign/data
# Healthy is: connected to Slack, and the store answers.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8081/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["countersign", "serve"]
