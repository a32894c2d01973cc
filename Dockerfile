# The image of the worker and of the command line: no embedded servers, no development tools, not root.
FROM python:3.13-slim AS build

WORKDIR /src
RUN python -m venv /opt/streamproc
# The locked packages first: they change less often than the code and stay in the build cache.
COPY requirements-image.lock ./
RUN /opt/streamproc/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes -r requirements-image.lock
COPY pyproject.toml README.md LICENSE topics.yaml ./
COPY streamproc ./streamproc
# The build backend is the one package that the lock of the image does not name; it is not in the image.
RUN python -m pip wheel --no-cache-dir --disable-pip-version-check --no-deps --wheel-dir /wheel . \
    && /opt/streamproc/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /wheel/*.whl

FROM python:3.13-slim

RUN useradd --system --uid 10001 --create-home streamproc
COPY --from=build /opt/streamproc /opt/streamproc
ENV PATH=/opt/streamproc/bin:$PATH \
    PYTHONUNBUFFERED=1
USER streamproc
WORKDIR /home/streamproc
EXPOSE 8080
ENTRYPOINT ["streamproc"]
CMD ["worker"]
