# One image for the web server, the workers and the beat; docker-compose.yml says which one a container is.
FROM python:3.12-slim-trixie

# Name PyTorch's index of builds for processors here: the usual build brings several GB for graphics cards.
ARG PIP_EXTRA_INDEX_URL=
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    BROKER_HOME=/var/lib/broker HF_HOME=/var/lib/broker/huggingface

# pg_dump, pg_restore and psql for `broker backup` and `broker restore`: of the server's version in docker-compose.yml,
# as an older client refuses a newer server.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --system --uid 10001 --home-dir /var/lib/broker --create-home broker
WORKDIR /app

# The packages first, with empty folders in place of the code, so that a change of code installs nothing again.
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir broker matching workers \
    && touch broker/__init__.py matching/__init__.py workers/__init__.py \
    && pip install --no-cache-dir -c constraints.txt -e '.[postgres]'
COPY data data
COPY templates templates
COPY workers workers
COPY matching matching
COPY broker broker

USER broker
VOLUME /var/lib/broker
EXPOSE 8000
CMD ["uvicorn", "broker.web.app:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--log-config", "broker/logging.json"]
