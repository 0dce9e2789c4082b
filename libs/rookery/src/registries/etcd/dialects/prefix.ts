/** Where a prefix has the name of the service. */
export const SERVICE_PLACE = '<service>';

/** What the keys of a service's entries start with. */
export function folderOf(prefix: string, service: string): string {
  return `${prefix.replace(SERVICE_PLACE, () => service)}/`;
}
