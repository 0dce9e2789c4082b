import { defineService } from 'rookery';

export interface Text {
  text: string;
}

export interface Query {
  count: number;
}

export interface Item {
  id: number;
  sku: string;
  title: string;
  price: number;
}

export interface Items {
  items: Item[];
}

/** What every server serves and every client calls, in whatever way its framework has for it. */
export interface Echo {
  echo(text: Text): Promise<Text>;
  list(query: Query): Promise<Items>;
  hold(query: Query): Promise<Text>;
}

export const PROTO = { package: 'bench', protoPath: 'bench/unary/echo.proto' } as const;

export const ECHO = defineService<{ Echo: Echo }>({ name: 'echo', ...PROTO });
