# One image for every role; the command picks the role. Database and Redis are outside: see docker-compose.yml.
FROM node:20-bookworm-slim AS build
WORKDIR /srv/suture
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The compiler needs its optional native part; what runs needs none, and no embedded PostgreSQL either.
RUN node node_modules/@nestjs/cli/bin/nest.js build \
  && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:20-bookworm-slim
ENV NODE_ENV=production SUTURE_DATA_DIR=/var/lib/suture SUTURE_HTTP_HOST=0.0.0.0 SUTURE_MLLP_HOST=0.0.0.0
WORKDIR /srv/suture
COPY --from=build /srv/suture/package.json /srv/suture/LICENSE ./
COPY --from=build /srv/suture/node_modules node_modules
COPY --from=build /srv/suture/dist dist
COPY --from=build /srv/suture/mappings mappings
RUN install -d -o node -g node -m 0700 /var/lib/suture
USER node
VOLUME /var/lib/suture
# Node runs as the first process of the container: SIGTERM reaches it, and it drains.
ENTRYPOINT ["node"]
CMD ["dist/apps/engine/src/main.js"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.SUTURE_HTTP_PORT || 8080) + '/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
