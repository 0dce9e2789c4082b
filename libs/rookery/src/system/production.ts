/** Empty variables count as unset. */
type Environment = Readonly<Record<string, string | undefined>>;

/** The sign by which an environment is taken for production, if any; what Kubernetes runs, others rely on. */
export function productionSign(env: Environment): string | undefined {
  if (env['NODE_ENV'] === 'production') return 'NODE_ENV=production';
  return env['KUBERNETES_SERVICE_HOST'] ? 'KUBERNETES_SERVICE_HOST' : undefined;
}

export function isProduction(env: Environment): boolean {
  return productionSign(env) !== undefined;
}
