"""Files that made the scanner slow, or fall over.

    python slow.py FOLDER
"""
import sys,struct,io,os; sys.dont_write_bytecode=True; sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from opcodes import *; import archives as A, streams as S, h5py, tarfile
LOAD=S.LOAD; w=lambda f,d: open(os.path.join(sys.argv[1],f),'wb').write(d)
d=pickled(None)
for _ in range(26): d=pickled(call(LOAD,A.torch_zip(d)))
w('nested_torch_zips_26.pkl',d)
d=pickled(None)
for _ in range(6000): d=pickled(call(LOAD,A.zipped([("x.pkl",d)])))  if len(d)<30_000_000 else d
w('nested_zips_6000.pkl',d)
w('calls_large_tuple.pkl',b"\x80\x04"+name("builtins","list")+b"\x940("+b"N"*1000000+b"t\x940"+b"h\x00h\x01R0"*200000+b"N.")
inner=b"\x80\x04"+b"N0"*500000+b"N."
w('load_repeated.pkl',b"\x80\x04"+LOAD+b"\x940"+push(inner)+b"\x85\x940"+b"h\x00h\x01R0"*5000+b"N.")
w('globals_linear.pkl',b"\x80\x04"+b"".join(b"csklearn.linear_model._base\nAAAAAAAAAAAAAAA%05d\n0"%i for i in range(9999))+b"csklearn.linear_model._base\nAAAAAAAAAAAAAAA09998\n0"*100000+b"N.")
d=b"\x80\x04"+b"N0"*1000000+b"N."
for _ in range(7): d=pickled(call(LOAD,d))
w('nested_doubling.pkl',d)
with h5py.File(os.path.join(sys.argv[1],'hard_links.h5'),"w") as f:
    f['a']=f['/']; f['b']=f['/']; f['c']=f['/']
pre=(b'{"a":'*110)+b'['; w('json_tails.h5',b"\x89HDF\r\n\x1a\n"+(pre+b'0,'*2500000))
# sparse tar: 40 GB
def sparse(size):
    t=tarfile.TarInfo("x"); t.type=tarfile.GNUTYPE_SPARSE; t.size=0
    b=bytearray(t.tobuf(tarfile.GNU_FORMAT)); b[156:157]=b"S"
    b[386:398]=b"%011o\0"%0 ; b[386:398]=b"00000000000\0"; b[398:410]=b"00000000000\0"
    b[386:386+12]=b"\x80"+(size).to_bytes(11,"big"); b[398:410]=b"00000000000\0"
    b[482]=0; b[483:495]=b"\x80"+size.to_bytes(11,"big")
    b[148:156]=b" "*8; b[148:156]=b"%06o\0 "%sum(b); return bytes(b)+bytes(1024)
w('sparse_40gb.tar',sparse(40<<30))
