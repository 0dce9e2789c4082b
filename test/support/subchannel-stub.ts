/** As much of a subchannel as a policy of grpc-js touches, but for its state. */
export class SubchannelStub {
  constructor(private readonly address: string) {}

  getAddress = () => this.address;
  throttleKeepalive = () => {};
  ref = () => {};
  unref = () => {};
  getChannelzRef = () => ({ kind: 'subchannel', id: 0, name: '' });
  isHealthy = () => true;
  addHealthStateWatcher = () => {};
  removeHealthStateWatcher = () => {};
  addDataWatcher = () => {};
  getRealSubchannel = () => this;
  realSubchannelEquals = (other: unknown) => other === this;
}
