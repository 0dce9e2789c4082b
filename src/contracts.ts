import { defineService } from 'rookery';

export interface Answer {
  id: number;
  by: string;
}

export interface UserService {
  getUser(request: { id: number }): Promise<Answer>;
}

export interface OrderService {
  getOrder(request: { id: number }): Promise<Answer>;
}

// The file is found from `src` as from `dist/src`: `npm start` runs in the root of the repository.
const contract = { package: 'shop', protoPath: 'src/proto/shop.proto' };

export const Users = defineService<{ UserService: UserService }>({ name: 'user-server', ...contract });
export const Orders = defineService<{ OrderService: OrderService }>({ name: 'order-server', ...contract });
